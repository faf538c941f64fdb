// SPDX-License-Identifier: BSL-1.0
// Stack slabs, guards, reuse and trimming. See stack.hpp.
#include "stack.hpp"

#include "fiber_switch.hpp"
#include "valgrind_stack.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#if COIR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Linux 6.13; the headers that we build with may be older.
constexpr int madv_guard_install = 102;

constexpr std::size_t page_size = 4096;
constexpr std::size_t slab_bytes_max = std::size_t{16} << 30;
constexpr std::size_t guard_batch = 64;
// mprotect splits the slab's mapping twice per stack; the kernel's default limit is 65,530.
constexpr std::size_t mprotect_stacks_max = 30'000;

std::atomic<StackSlab*> known_slabs{nullptr};
std::atomic<std::size_t> mprotected_stacks{0};

void publish(StackSlab& slab) noexcept {
    StackSlab* head = known_slabs.load(std::memory_order_relaxed);
    do {
        slab.next_known.store(head, std::memory_order_relaxed);
    } while (!known_slabs.compare_exchange_weak(head, &slab, std::memory_order_release,
                                                std::memory_order_relaxed));
}

// A spin lock is enough: slabs are unpublished only when a loop's pool is destroyed.
std::atomic_flag unpublishing = ATOMIC_FLAG_INIT;
void unpublish(StackSlab& slab) noexcept {
    while (unpublishing.test_and_set(std::memory_order_acquire)) {
    }
    for (;;) {
        StackSlab* head = known_slabs.load(std::memory_order_acquire);
        StackSlab* after = slab.next_known.load(std::memory_order_relaxed);
        if (head == &slab) {
            if (known_slabs.compare_exchange_strong(head, after)) break;
            continue;  // another loop has published meanwhile
        }
        StackSlab* before = head;
        while (before && before->next_known.load(std::memory_order_relaxed) != &slab) {
            before = before->next_known.load(std::memory_order_relaxed);
        }
        if (before) before->next_known.store(after, std::memory_order_release);
        break;
    }
    unpublishing.clear(std::memory_order_release);
}

// The kernel's answer to one guard on a page of our own.
bool probe_guard_install(Sys& sys) noexcept {
    const long page = sys(SYS_mmap, 0L, page_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    if (page < 0) return false;
    const bool works = sys(SYS_madvise, page, page_size, madv_guard_install) == 0;
    sys(SYS_munmap, page, page_size);
    return works;
}

// Installs the guards of stacks [first, last) in one system call; false when that is not possible.
bool install_batch(Sys& sys, StackSlab& slab, std::size_t first, std::size_t last) noexcept {
    iovec guards[guard_batch];
    const std::size_t count = last - first;
    for (std::size_t i = 0; i < count; ++i) {
        guards[i] = {slab.guard_of(first + i), slab.guard_size};
    }
    const long self = sys(SYS_pidfd_open, static_cast<int>(sys(SYS_getpid)), 0);
    if (self < 0) return false;
    const long done =
        sys(SYS_process_madvise, self, guards, count, madv_guard_install, 0u);
    sys(SYS_close, self);
    return done == static_cast<long>(count * slab.guard_size);
}

bool install_one_by_one(Sys& sys, StackSlab& slab, std::size_t first, std::size_t last) noexcept {
    for (std::size_t i = first; i < last; ++i) {
        if (sys(SYS_madvise, slab.guard_of(i), slab.guard_size, madv_guard_install) != 0) return false;
    }
    return true;
}

// Returns how many could be protected before the limit on mappings.
std::size_t protect(Sys& sys, StackSlab& slab, std::size_t first, std::size_t last) noexcept {
    for (std::size_t i = first; i < last; ++i) {
        if (mprotected_stacks.load(std::memory_order_relaxed) >= mprotect_stacks_max ||
            sys(SYS_mprotect, slab.guard_of(i), slab.guard_size, PROT_NONE) != 0) {
            return i - first;
        }
        mprotected_stacks.fetch_add(1, std::memory_order_relaxed);
    }
    return last - first;
}

}  // namespace

StackSettings::StackSettings(Sys& system, StackGuard wanted, bool wiped)
    : sys(system),
      guard(wanted),
      wipe(wiped),
      guard_install(wanted != StackGuard::none && probe_guard_install(system)) {}

StackClass::StackClass(StackSettings& settings, std::size_t stack_size)
    : settings_(settings),
      stack_size_(stack_size),
      // An odd number of pages: the tops of stacks whose distance is a power of two compete for a few
      // sets of the address translation cache (1.3 times the cost of a switch among 1,000 tasks).
      stride_(stack_size + page_size),
      // Libraries that were built without stack-clash protection step over a single page.
      guard_size_(settings.guard == StackGuard::none ? 0
                  : stack_size >= 256 * 1024         ? 64 * 1024
                                                     : page_size) {}

StackClass::~StackClass() {
    for (auto& slab : slabs_) {
        unpublish(*slab);
        for (void* fiber : slab->sanitizer_fibers) destroy_sanitizer_fiber(fiber);
        for (const unsigned number : slab->valgrind_stacks) forget_valgrind_stack(number);
        if (guard_size_ != 0 && !settings_.guard_install) {
            mprotected_stacks.fetch_sub(std::min(slab->guarded, mprotected_stacks.load()));
        }
#if COIR_ASAN
        __asan_unpoison_memory_region(slab->memory, slab->size());
#endif
        settings_.sys(SYS_munmap, slab->memory, slab->size());
    }
}

void StackClass::grow() {
    const std::size_t room = ready_ + guard_batch;
    if (empty_.capacity() < room) empty_.reserve(std::max(room, 2 * empty_.capacity()));
    if (slabs_.empty() || slabs_.back()->guarded == slabs_.back()->count) add_slab();
    const std::size_t more = prepare_more(*slabs_.back());
    ready_ += more;
    settings_.stacks += more;
}

// One mapping for as many stacks as there are already, within limits; fewer when memory is short.
void StackClass::add_slab() {
    const std::size_t most = std::max<std::size_t>(1, slab_bytes_max / stride_);
    std::size_t count = std::clamp<std::size_t>(ready_, std::min<std::size_t>(16, most), most);
    if (stack_size_ > (1u << 20)) count = std::min<std::size_t>(count, 4);
    if (slabs_.empty() && stack_size_ > (1u << 20)) count = 1;
    slabs_.reserve(slabs_.size() + 1);
    long memory = -ENOMEM;
    for (;; count /= 2) {
        memory = settings_.sys(SYS_mmap, 0L, count * stride_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
        if (memory >= 0 || count == 1) break;
    }
    if (memory < 0) {
        throw StackAllocError("coir: no address space for a stack of " +
                              std::to_string(stack_size_) + " bytes (mmap: " +
                              std::strerror(static_cast<int>(-memory)) +
                              "); check ulimit -v, vm.overcommit_memory and vm.max_map_count");
    }
    auto slab = std::make_unique<StackSlab>();
    slab->stacks = this;
    slab->memory = reinterpret_cast<char*>(memory);
    slab->stack_size = stack_size_;
    slab->stride = stride_;
    slab->guard_size = guard_size_;
    slab->count = count;
    slab->first_colour = std::exchange(settings_.next_colour, settings_.next_colour + count);
    // A huge page under barely touched stacks would cost 2 MiB for each eight of them.
    settings_.sys(SYS_madvise, slab->memory, count * stride_, MADV_NOHUGEPAGE);
    publish(*slab);
    slabs_.push_back(std::move(slab));
    ++settings_.mappings;
}

// Makes the next stacks of `slab` usable; returns how many.
std::size_t StackClass::prepare_more(StackSlab& slab) {
    const std::size_t first = slab.guarded;
    std::size_t last = std::min(slab.count, first + guard_batch);
    if (guard_size_ != 0) {
        Sys& sys = settings_.sys;
        bool done = settings_.guard_install && (install_batch(sys, slab, first, last) ||
                                                install_one_by_one(sys, slab, first, last));
        if (!done) {
            const std::size_t count = protect(sys, slab, first, last);
            if (count == 0 && settings_.guard == StackGuard::required) {
                throw StackAllocError(
                    "coir: no guard page for another stack: mprotect needs two mappings for each, "
                    "and vm.max_map_count limits them (raise it, use a kernel with "
                    "MADV_GUARD_INSTALL, 6.13, or RunOptions::stack_guard = optional)");
            }
            if (count > 0) {
                last = first + count;
            } else {
                static std::atomic<bool> said{false};
                if (!said.exchange(true)) {
                    log(LogLevel::warning, "coir: the limit on mappings is reached; further task "
                                           "stacks have no guard page");
                }
            }
        }
    }
    const bool for_valgrind = on_valgrind();
    for (std::size_t i = first; i < last; ++i) {
        char* const bottom = slab.guard_of(i) + guard_size_;
#if COIR_ASAN || COIR_TSAN
        slab.sanitizer_fibers.push_back(make_sanitizer_fiber(bottom, stack_size_ - guard_size_));
#endif
        if (for_valgrind) {
            slab.valgrind_stacks.push_back(tell_valgrind_of_stack(bottom, slab.guard_of(i) + stack_size_));
        }
    }
    for (std::size_t i = last; i-- > first;) empty_.push_back({&slab, static_cast<std::uint32_t>(i)});
    slab.guarded = last;
    return last - first;
}

StackSlot& StackClass::lay_out(StackSlab& slab, std::uint32_t index) noexcept {
    auto* slot = ::new (slab.slot_memory(index)) StackSlot(slab, index);
    if (!slab.sanitizer_fibers.empty()) slot->idle_fiber.sanitizer = slab.sanitizer_fibers[index];
    return *slot;
}

StackSlot& StackClass::take_empty() noexcept {
    const Empty next = empty_.back();
    empty_.pop_back();
#if COIR_ASAN
    __asan_unpoison_memory_region(next.slab->guard_of(next.index) + guard_size_, stack_size_ - guard_size_);
#endif
    return lay_out(*next.slab, next.index);
}

// What the last fiber's frames left poisoned says nothing about the next one's.
void StackClass::forget_poison([[maybe_unused]] StackSlot& slot) noexcept {
#if COIR_ASAN
    __asan_unpoison_memory_region(slot.bottom(), slot.size());
#endif
}

// The fiber that sleeps there holds nothing and is simply forgotten; the slot goes with the pages. Guards
// survive. False: the pages stay, because they are locked (mlockall).
bool StackClass::give_pages_back(StackSlot& slot) noexcept {
    slot.idle_fiber.stack_pointer = nullptr;
    renew_sanitizer_fiber(slot.idle_fiber.sanitizer);
    return settings_.sys(SYS_madvise, slot.bottom(), stack_size_ - guard_size_, MADV_DONTNEED) == 0;
}

void StackClass::wipe(StackSlot& slot) noexcept {
    StackSlab& slab = *slot.slab;
    const std::uint32_t index = slot.index;
    if (!give_pages_back(slot)) {
        if (COIR_ASAN) forget_poison(slot);
        std::memset(slot.bottom(), 0, slot.size());
    }
    lay_out(slab, index);
}

void StackClass::find_idle() noexcept {
    const std::size_t keep = always_kept + (most_reserved_ > reserved_ ? most_reserved_ - reserved_ : 0);
    most_reserved_ = reserved_;
    idle_ = free_count_ > keep ? free_count_ - keep : 0;
}

// From the front, for the way to the back may be long: they all have pages, and some are as good as others.
bool StackClass::trim(std::size_t most) noexcept {
    for (; idle_ > 0 && free_ && most > 0; --most) {
        StackSlot& slot = *free_;
        StackSlot* const next = slot.next_free;
        const Empty left{slot.slab, slot.index};
        pages_stay_ = !give_pages_back(slot);
        if (pages_stay_) {
            idle_ = 0;
            break;
        }
        free_ = next;
        --free_count_;
        empty_.push_back(left);
        --idle_;
    }
    return idle_ > 0 && free_;
}

StackClass& StackPool::class_for(std::size_t size) {
    if (size < smallest_stack || size > largest_stack) {
        throw std::invalid_argument("coir: a stack size must be between 16384 and 68719476736 "
                                    "bytes, got " +
                                    std::to_string(size));
    }
    const std::size_t rounded = std::bit_ceil(size);
    for (auto& known : classes_) {
        if (known->stack_size() == rounded) return *known;
    }
    classes_.push_back(std::make_unique<StackClass>(settings_, rounded));
    return *classes_.back();
}

TimePoint StackPool::trim(TimePoint now) noexcept {
    if (now >= next_trim_) {
        trimming_ = trim_some();
        next_trim_ = saturating_add(now, trimming_ ? Nanoseconds(std::chrono::milliseconds(1))
                                                   : Nanoseconds(std::chrono::seconds(1)));
    }
    const bool spare = std::any_of(classes_.begin(), classes_.end(),
                                   [](const auto& known) { return known->has_spare(); });
    return spare ? next_trim_ : never;
}

// Returns whether there is more to do at once.
bool StackPool::trim_some() noexcept {
    constexpr std::size_t at_a_time = 64;  // some ten microseconds
    bool more = false;
    for (auto& known : classes_) {
        if (!trimming_) known->find_idle();
        if (known->trim(at_a_time)) more = true;
    }
    return more;
}

GuardHit find_guard(const void* address) noexcept {
    const char* at = static_cast<const char*>(address);
    for (StackSlab* slab = known_slabs.load(std::memory_order_acquire); slab;
         slab = slab->next_known.load(std::memory_order_acquire)) {
        if (at < slab->memory || at >= slab->memory + slab->size()) continue;
        const std::size_t offset = static_cast<std::size_t>(at - slab->memory);
        if (offset % slab->stride >= slab->guard_size) return {};
        // All zero where no task has ever been.
        const auto* slot = static_cast<const StackSlot*>(slab->slot_memory(offset / slab->stride));
        return {slot->owner.load(std::memory_order_relaxed), slab->stack_size, true};
    }
    return {};
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
