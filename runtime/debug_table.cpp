// SPDX-License-Identifier: BSL-1.0
// The debug table: see coir/detail/debug_table.hpp.
#include "debug_table.hpp"

#include "scheduler.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/debug_table.hpp>

#include <cstddef>
#include <mutex>

// The classes are not standard-layout; both compilers lay them out in order all the same, and the
// test of the table would notice if one did not.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace coir {
inline namespace v0 {
namespace detail {

struct DebugTableAccess {
    static constexpr std::uint32_t narrow(std::size_t offset) {
        return static_cast<std::uint32_t>(offset);
    }
    // Distance of a base class within a task.
    template <class Base>
    static std::uint32_t base_offset() {
        alignas(TaskBase) static char nowhere[sizeof(TaskBase)];
        auto* task = reinterpret_cast<TaskBase*>(nowhere);
        return narrow(static_cast<std::size_t>(reinterpret_cast<char*>(static_cast<Base*>(task)) -
                                               nowhere));
    }
    static Scheduler*& next(Scheduler& scheduler) { return scheduler.next_scheduler_; }
    static void fill(DebugTable& table) {
        table.loop_next = narrow(offsetof(Scheduler, next_scheduler_));
        table.loop_task_list = narrow(offsetof(Scheduler, tasks_));
        table.loop_current = narrow(offsetof(Scheduler, current_));
        table.loop_tasks_alive = narrow(offsetof(Scheduler, tasks_alive_));
        table.task_link = base_offset<ListLink>();
        table.task_id = narrow(offsetof(TaskBase, id_));
        table.task_name = narrow(offsetof(TaskBase, name_));
        table.task_spawn_site = narrow(offsetof(TaskBase, spawn_site_));
        table.task_park = narrow(offsetof(TaskBase, park_));
        table.task_started = narrow(offsetof(TaskBase, started_));
        table.task_stack_pointer =
            narrow(offsetof(TaskBase, context_) + offsetof(FiberContext, stack_pointer));
        table.task_cancelling = narrow(offsetof(TaskBase, cancelling_));
        table.park_what = narrow(offsetof(Park, what));
        table.park_awaited = narrow(offsetof(Park, awaited));
        table.state_of_task = base_offset<StateBase>();
        table.saved_program_counter = saved_program_counter_offset();
    }
};

namespace {
constinit FutexLock loops_mutex;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir

extern "C" {
[[gnu::section(".coir_debug"), gnu::used]] coir::detail::DebugTable coir_debug_table = {
    {'C', 'O', 'I', 'R', 'D', 'B', 'G', 0},
    1,
    sizeof(coir::detail::DebugTable),
    nullptr,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    -1,
};
}

namespace coir {
inline namespace v0 {
namespace detail {

void register_scheduler(Scheduler& scheduler) {
    std::lock_guard lock(loops_mutex);
    DebugTableAccess::fill(coir_debug_table);
    DebugTableAccess::next(scheduler) =
        static_cast<Scheduler*>(const_cast<void*>(coir_debug_table.first_loop));
    coir_debug_table.first_loop = &scheduler;
}

void unregister_scheduler(Scheduler& scheduler) noexcept {
    std::lock_guard lock(loops_mutex);
    auto* at = static_cast<Scheduler*>(const_cast<void*>(coir_debug_table.first_loop));
    if (at == &scheduler) {
        coir_debug_table.first_loop = DebugTableAccess::next(scheduler);
        return;
    }
    while (at && DebugTableAccess::next(*at) != &scheduler) at = DebugTableAccess::next(*at);
    if (at) DebugTableAccess::next(*at) = DebugTableAccess::next(scheduler);
}

void lock_loops() noexcept { loops_mutex.lock(); }
void unlock_loops() noexcept { loops_mutex.unlock(); }

void for_each_loop(void (*visit)(Scheduler&) noexcept) noexcept {
    auto* at = static_cast<Scheduler*>(const_cast<void*>(coir_debug_table.first_loop));
    for (; at; at = DebugTableAccess::next(*at)) visit(*at);
}

bool loop_refuses_use_here(std::uint64_t serial) noexcept {
    std::lock_guard lock(loops_mutex);
    auto* at = static_cast<Scheduler*>(const_cast<void*>(coir_debug_table.first_loop));
    while (at && at->serial() != serial) at = DebugTableAccess::next(*at);
    return at && at != running_here && (running_here || !at->usable_here());
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
