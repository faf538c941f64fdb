// SPDX-License-Identifier: BSL-1.0
// Plain suspension points: sleep, yield, checkpoint.
#include <coir/await.hpp>

#include "scheduler.hpp"


namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// A sleeping task: a timer and a park in one, on its stack.
struct Sleep : TimerNode, Park {
    TaskBase* task = nullptr;
    bool cancelled = false;

    static void wake(TimerNode& node) noexcept {
        TaskBase& task = *static_cast<Sleep&>(node).task;
        task.scheduler().make_ready(task);
    }
    static void cancel_sleep(Park& park, TaskBase& task) noexcept {
        auto& self = static_cast<Sleep&>(park);
        self.cancelled = true;
        task.scheduler().disarm(self);
        task.scheduler().make_ready(task);
    }
};

void sleep_task(TaskBase& self, TimePoint when) {
    Scheduler& scheduler = self.scheduler();
    Sleep sleep;
    sleep.fire = &Sleep::wake;
    sleep.what = "sleep";
    sleep.Park::cancel = &Sleep::cancel_sleep;
    sleep.task = &self;
    scheduler.arm(sleep, when);
    scheduler.suspend(sleep);
    if (sleep.cancelled) self.throw_cancelled();
}

}  // namespace

void sleep_for_nanoseconds(Nanoseconds duration) {
    TaskBase& self = this_task("sleep");
    self.check_deadlines_and_cancelled();
    if (duration.count() <= 0) {
        self.scheduler().yield();
    } else {
        sleep_task(self, saturating_add(self.scheduler().now(), duration));
    }
}

}  // namespace detail

void sleep_until(TimePoint when) {
    detail::TaskBase& self = detail::this_task("sleep_until");
    self.check_deadlines_and_cancelled();
    if (when <= self.scheduler().now()) {
        self.scheduler().yield();
    } else {
        detail::sleep_task(self, when);
    }
}

void checkpoint() {
    detail::TaskBase& self = detail::this_task("checkpoint");
    self.check_cancelled();
    self.scheduler().spend_credit();
}

}  // namespace v0
}  // namespace coir
