// SPDX-License-Identifier: BSL-1.0
// When all tasks wait and nothing is left that could wake them: saying so, and who waits for what.
#include "scheduler.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <chrono>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

bool Scheduler::looks_deadlocked() const noexcept {
    return tasks_alive_ > 0 && timers_.empty() && in_flight_ == 0 && external_jobs_ == 0 &&
           !deadlock_said_;
}

void Scheduler::report_deadlock() {
    waiting_for_nothing_ = false;
    if (ready_head_ || !looks_deadlocked() || !inbox_.empty() ||
        last_poll_ < saturating_add(idle_since_, std::chrono::seconds(1))) {
        return;
    }
    deadlock_said_ = true;
    const std::string text =
        "coir: all tasks wait, and nothing on this loop can wake them:\n" + describe_tasks();
    if (options_.on_deadlock == OnDeadlock::fail) throw DeadlockError(text);
    log(LogLevel::warning, text);
}

std::string Scheduler::describe_tasks() {
    std::string text;
    for (TaskBase* task = tasks_.front(); task; task = tasks_.next(*task)) {
        text += "  task '" + task->name() + "'";
        const Park* park = task->park_;
        text += park ? std::string(" waits: ") + park->what
                     : std::string(task->started_ ? " is ready" : " has not started");
        if (park && park->awaited) {
            const auto* awaited = static_cast<const StateBase*>(park->awaited);
            if (awaited->is_task()) {
                text += " of '" + static_cast<const TaskBase*>(awaited)->name() + "'";
            }
        }
        text += '\n';
    }
    return text;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
