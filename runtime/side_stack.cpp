// SPDX-License-Identifier: BSL-1.0
// See coir/detail/side_stack.hpp.
#include <coir/detail/side_stack.hpp>

#include "fiber_switch.hpp"
#include "scheduler.hpp"
#include "valgrind_stack.hpp"

#include <new>
#include <utility>
#include <vector>

#include <sys/mman.h>

#if COIR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {

struct SideRegion {
    char* memory = nullptr;
    std::size_t size = 0;  // without the guard
    unsigned valgrind_stack = 0;
};

namespace {

constexpr std::size_t guard = 64 * 1024;

// Mapping one and touching it anew costs more than a short simulation. They are this thread's.
class Spare {
public:
    ~Spare() {
        for (const SideRegion& region : regions_) unmap(region);
    }
    SideRegion take(std::size_t size) {
        for (SideRegion& region : regions_) {
            if (region.size != size) continue;
            const SideRegion taken = region;
            region = regions_.back();
            regions_.pop_back();
            return taken;
        }
        const long memory = real_sys()(SYS_mmap, nullptr, size + guard, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory < 0) throw std::bad_alloc();
        char* const bottom = reinterpret_cast<char*>(memory);
        real_sys()(SYS_mprotect, bottom, guard, PROT_NONE);
        return {bottom, size, tell_valgrind_of_stack(bottom + guard, bottom + guard + size)};
    }
    void put(SideRegion region) noexcept {
#if COIR_ASAN
        __asan_unpoison_memory_region(region.memory + guard, region.size);
#endif
        try {
            if (regions_.size() < most) return regions_.push_back(region);
        } catch (const std::bad_alloc&) {
        }
        unmap(region);
    }

private:
    static void unmap(const SideRegion& region) noexcept {
        forget_valgrind_stack(region.valgrind_stack);
        real_sys()(SYS_munmap, region.memory, region.size + guard);
    }
    static constexpr std::size_t most = 16;
    std::vector<SideRegion> regions_;
};

thread_local Spare spare;

}  // namespace

struct SideStack::State {
    FiberContext context;
    Scheduler* loop = nullptr;  // that runs on it, while it does not run itself
    SideRegion region;              // none: the thread's own stack
};

SideStack::SideStack() : state_(std::make_unique<State>()) {
    state_->context.sanitizer = make_sanitizer_fiber(nullptr, 0);
}

SideStack::SideStack(std::size_t size, void (*body)(void*), void* argument)
    : state_(std::make_unique<State>()) {
    state_->region = spare.take(size);
    char* const bottom = state_->region.memory + guard;
    state_->context.sanitizer = make_sanitizer_fiber(bottom, size);
    make_context(state_->context, bottom + size, size, body, argument);
}

SideStack::~SideStack() {
    destroy_sanitizer_fiber(state_->context.sanitizer);
    if (state_->region.memory) spare.put(state_->region);
}

void SideStack::switch_to(SideStack& to) noexcept {
    state_->loop = std::exchange(running_here, to.state_->loop);
    switch_out_of_line(ThreadState::of_this_thread(), state_->context, to.state_->context);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
