// SPDX-License-Identifier: BSL-1.0
// How long a loop sleeps; and when all tasks wait and nothing is left that could wake them: saying so, and who
// waits for what.
#include "loop_signals.hpp"
#include "scheduler.hpp"

#include <coir/detail/join.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

// Until when the reactor may sleep; `past`: not at all.
TimePoint Scheduler::sleep_limit(bool may_sleep) noexcept {
    if (!may_sleep || ready_head_ || leave_) return past;
    if (hooks_ && hooks_->any_idle()) [[unlikely]] {
        sys_->tick();
        return past;
    }
    const TimePoint to_trim = stacks_->trim(last_poll_);
    waiting_for_nothing_ = to_trim == never && looks_deadlocked() && !sys_->is_closed_world();
    if (!waiting_for_nothing_) return std::min(timers_.next(), to_trim);
    return saturating_add(now(), silence);
}

bool Scheduler::looks_deadlocked() const noexcept {
    return tasks_alive_ > 0 && timers_.empty() && in_flight_ == 0 && external_jobs_ == 0 &&
           !(signals_ && signals_->any()) && !deadlock_said_;
}

// Another thread may be about to post, and lives by the real clock whatever this loop's is. To a
// virtual one it is like a job outside: time stands still.
WaitResult Scheduler::wait_in_silence(TimePoint deadline) noexcept {
    silent_since_ = real_sys().now();
    sys_->job_started();
    const WaitResult result = reactor_->wait(deadline, completions_);
    sys_->job_finished();
    return result;
}

void Scheduler::report_deadlock() {
    waiting_for_nothing_ = false;
    const TimePoint silent_since = std::exchange(silent_since_, never);
    if (ready_head_ || !looks_deadlocked() || !inbox_.empty()) return;
    if (real_sys().now() < saturating_add(silent_since, silence)) return;
    deadlock_said_ = true;
    const std::string text =
        "coir: all tasks wait, and nothing on this loop can wake them:\n" + describe_tasks();
    if (options_.on_deadlock == OnDeadlock::fail) throw DeadlockError(text);
    log(LogLevel::warning, text);
}

// A million tasks are no text that anybody reads: the oldest, and how many more there are.
std::string Scheduler::describe_tasks() {
    constexpr std::size_t most = 50;
    std::string text;
    std::size_t count = 0;
    for (TaskBase* task = tasks_.front(); task; task = tasks_.next(*task)) {
        if (++count <= most) text += describe_task(*task);
    }
    if (count > most) text += "  and " + std::to_string(count - most) + " more tasks\n";
    return text;
}

std::string Scheduler::describe_task(TaskBase& task) {
    std::string text = "  task '" + task.name() + "'";
    const Park* park = task.park_;
    text += park ? std::string(" waits: ") + park->what
                 : std::string(task.started_ ? " is ready" : " has not started");
    if (park && park->awaited) {
        const auto* awaited = static_cast<const StateBase*>(park->awaited);
        if (awaited->is_task()) {
            text += " of '" + static_cast<const TaskBase*>(awaited)->name() + "'";
        }
    }
    constexpr std::size_t most = 10;
    std::size_t count = 0;
    for (Waiter* waiter = task.waiters_.front(); waiter; waiter = task.waiters_.next(*waiter)) {
        TaskBase* const by = awaiter(*waiter);
        if (by && ++count <= most) text += ", awaited by '" + by->name() + "'";
    }
    if (count > most) text += ", and by " + std::to_string(count - most) + " more";
    return text + "\n";
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
