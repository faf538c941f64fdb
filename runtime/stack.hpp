// SPDX-License-Identifier: BSL-1.0
// Stacks: large address ranges, lazily committed, from slabs per size class, all guarded.
//
// A slab is one mapping that holds many stacks. The low end of each stack is its guard: installed
// with MADV_GUARD_INSTALL where the kernel has it (no mapping is split, so their number is not
// limited), else with mprotect (two mappings a stack, so about 32,000 stacks).
//
// A task reserves a stack when it is created and gets it when it first runs: creating a task is
// where memory can be refused, and tasks that run to their end one after another share one stack. A
// fiber whose task has ended stays on its stack and sleeps until the stack is given to the next one.
//
// Threads: a pool belongs to its loop's thread; describe_guard_hit() is async-signal-safe.
#pragma once

#include "counter.hpp"

#include <coir/detail/sys.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/event_loop.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// What a stack's size may be.
constexpr std::size_t smallest_stack = 16 * 1024;
constexpr std::size_t largest_stack = std::size_t{64} << 30;

struct StackSlab;

/// What the loop keeps of a stack. It lies at the top of the stack itself, beside the first frames: in a
/// page that is there anyway, and in no other one. A stack that has given its pages back has none.
struct alignas(64) StackSlot {
    StackSlot(StackSlab& of, std::uint32_t number) noexcept : slab(&of), index(number) {}

    std::atomic<const TaskBase*> owner{nullptr};  ///< read by the overflow report
    ScopeRequest* scopes = nullptr;  ///< the innermost timeout or task group of the task on it
    void* legacy = nullptr;  ///< what libcoir-legacy keeps for that task
    /// The fiber that sleeps here between two tasks; its stack pointer is null when there is none.
    FiberContext idle_fiber;
    StackSlot* next_free = nullptr;
    StackSlab* const slab;
    const std::uint32_t index;  ///< in the slab

    /// Where the frames begin, growing down, and the lowest byte they can reach, above the guard.
    char* top() noexcept { return reinterpret_cast<char*>(this); }
    char* bottom() const noexcept;
    std::size_t size() noexcept { return static_cast<std::size_t>(top() - bottom()); }
};

/// One mapping. Slabs are never unmapped before their pool, and their list is readable by a signal
/// handler at any time.
struct StackSlab {
    StackClass* stacks = nullptr;  ///< the class that it belongs to
    char* memory = nullptr;
    std::size_t stack_size = 0;
    std::size_t stride = 0;  ///< from one stack to the next
    std::size_t guard_size = 0;
    std::size_t count = 0;
    std::size_t guarded = 0;  ///< the first so many have their guard
    std::size_t first_colour = 0;
    std::vector<void*> sanitizer_fibers;  ///< of the guarded ones; none without a sanitizer
    std::vector<unsigned> valgrind_stacks;  ///< the same in valgrind
    std::atomic<StackSlab*> next_known{nullptr};

    /// The lowest byte of a stack, where its guard begins.
    char* guard_of(std::size_t index) const noexcept { return memory + index * stride; }
    /// Where the slot of a stack lies. Some bytes are left free above it: equally aligned stacks compete
    /// for the same few cache sets, and two of them in turn stall on stores that only look alike. The
    /// stride does the same for pages.
    void* slot_memory(std::size_t index) const noexcept {
        const std::size_t colour = (first_colour + index) % colours * colour_step;
        return guard_of(index) + stack_size - colour - sizeof(StackSlot);
    }
    std::size_t size() const noexcept { return count * stride; }

    // 2.5 KiB in all: a shallow task still touches a single page.
    static constexpr std::size_t colours = 40;
    static constexpr std::size_t colour_step = 64;
};

inline char* StackSlot::bottom() const noexcept { return slab->guard_of(index) + slab->guard_size; }

/// What all classes of a pool share.
struct StackSettings {
    StackSettings(Sys& system, StackGuard wanted, bool wiped);
    Sys& sys;
    const StackGuard guard;
    const bool wipe;  ///< no task sees what another has left on its stack
    const bool guard_install;  ///< the kernel has MADV_GUARD_INSTALL and lets us use it
    std::size_t next_colour = 0;
    Counter<std::size_t> stacks;  // that have their guard, of all classes
    Counter<std::size_t> mappings;
};

/// All stacks of one size.
class StackClass {
public:
    StackClass(StackSettings& settings, std::size_t stack_size);
    ~StackClass();
    StackClass(const StackClass&) = delete;
    StackClass& operator=(const StackClass&) = delete;

    std::size_t stack_size() const noexcept { return stack_size_; }
    bool wipes() const noexcept { return settings_.wipe; }
    /// Promises a stack to a task. Throws StackAllocError.
    void reserve() {
        if (reserved_ == ready_) [[unlikely]] grow();
        ++reserved_;
    }
    /// The same where nothing needs to be mapped; false where it does.
    bool try_reserve() noexcept {
        if (reserved_ == ready_) [[unlikely]] return false;
        ++reserved_;
        return true;
    }
    /// Takes back a promise that take() has not used.
    void unreserve() noexcept { --reserved_; }
    /// Redeems a promise; never fails.
    StackSlot& take() noexcept {
        if (reserved_ > most_reserved_) most_reserved_ = reserved_;
        StackSlot* slot = free_;
        if (!slot) [[unlikely]] return take_empty();
        free_ = slot->next_free;
        --free_count_;
        if (settings_.wipe) [[unlikely]] wipe(*slot);
        if (COIR_ASAN) forget_poison(*slot);
        return *slot;
    }
    /// Gives the stack back, and the promise with it.
    void put(StackSlot& slot) noexcept {
        slot.owner.store(nullptr, std::memory_order_relaxed);
        slot.next_free = free_;
        free_ = &slot;
        ++free_count_;
        --reserved_;
    }
    /// Whether there are more unused stacks than are always kept.
    bool has_spare() const noexcept { return free_count_ > always_kept && !pages_stay_; }
    /// Decides how many stacks were not needed since the last call.
    void find_idle() noexcept;
    /// Gives the pages of as many to the kernel, but no more than `most`. Returns whether there are more.
    bool trim(std::size_t most) noexcept;

private:
    /// A stack without pages.
    struct Empty {
        StackSlab* slab;
        std::uint32_t index;
    };
    StackSlot& take_empty() noexcept;
    static StackSlot& lay_out(StackSlab& slab, std::uint32_t index) noexcept;
    void forget_poison(StackSlot& slot) noexcept;
    bool give_pages_back(StackSlot& slot) noexcept;
    void wipe(StackSlot& slot) noexcept;
    void grow();
    void add_slab();
    std::size_t prepare_more(StackSlab& slab);

    static constexpr std::size_t always_kept = 16;

    StackSettings& settings_;
    const std::size_t stack_size_;
    const std::size_t stride_;
    const std::size_t guard_size_;
    std::vector<std::unique_ptr<StackSlab>> slabs_;
    StackSlot* free_ = nullptr;   // LIFO, so that warm stacks are used first
    std::vector<Empty> empty_;    // never used, or without pages again; has room for all
    std::size_t ready_ = 0;       // stacks that have their guard
    std::size_t reserved_ = 0;    // promised or in use
    std::size_t most_reserved_ = 0;  // since the last find_idle()
    std::size_t free_count_ = 0;     // of free_
    std::size_t idle_ = 0;           // of these, to be trimmed
    bool pages_stay_ = false;        // as seen by the last trim()
};

/// The stacks of one loop.
class StackPool {
public:
    StackPool(Sys& sys, StackGuard guard, bool wipe = false) : settings_(sys, guard, wipe) {}

    /// The class for stacks of at least `size` bytes. Throws std::invalid_argument for sizes below
    /// 16 KiB or above 64 GiB.
    StackClass& class_for(std::size_t size);
    /// For whenever the loop has nothing else to do: gives the memory of stacks that were not needed for a
    /// second to the kernel, some at a time. Returns when to call it again even if nothing happens: `never`
    /// when only the few that are always kept are left.
    TimePoint trim(TimePoint now) noexcept;
    /// Any thread, both.
    std::size_t mappings() const noexcept { return settings_.mappings; }
    std::size_t stacks() const noexcept { return settings_.stacks; }
    /// How guards are made here.
    const char* guard_method() const noexcept {
        return settings_.guard_install ? "MADV_GUARD_INSTALL" : "mprotect";
    }

private:
    bool trim_some() noexcept;

    StackSettings settings_;
    std::vector<std::unique_ptr<StackClass>> classes_;
    TimePoint next_trim_{};
    bool trimming_ = false;  // the last trim() left something to go on with
};

/// What the overflow report needs to know of an address.
struct GuardHit {
    const TaskBase* task = nullptr;
    std::size_t stack_size = 0;
    bool found = false;
};
/// Whether `address` lies in the guard of a stack, and whose. Async-signal-safe, any thread.
GuardHit find_guard(const void* address) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
