// SPDX-License-Identifier: BSL-1.0
// Timeout scopes.
//
//   active --timer--> expired (a cancel request of the scope's own) --leave()--> ended
//         `--leave()--> ended
//
// The request is counted by the task and taken back at the end. The scope's own cancellation is told
// from others by that count: it is the scope's if no more requests are left than at its start.
#include <coir/timeout.hpp>

#include "scheduler.hpp"

namespace coir {
inline namespace v0 {

Timeout::Timeout(TimePoint when)
    : task_(detail::this_task("a timeout")),
      when_(when),
      cancelling_before_(task_.cancelling()) {
    timer_.scope = this;
    timer_.fire = &Timeout::fire;
    if (when_ != never) task_.scheduler().arm(timer_, when_);
}

Timeout::~Timeout() { leave(); }

void Timeout::fire(detail::TimerNode& node) noexcept {
    Timeout& self = *static_cast<Timer&>(node).scope;
    self.expired_ = true;
    self.task_.cancel_requested({});
}

bool Timeout::leave() noexcept {
    if (!active_) return false;
    active_ = false;
    task_.scheduler().disarm(timer_);
    if (!expired_) return false;
    return task_.uncancel() <= cancelling_before_;
}

std::optional<TimePoint> Timeout::when() const noexcept {
    if (when_ == never) return std::nullopt;
    return when_;
}

void Timeout::reschedule(std::optional<TimePoint> when) {
    if (!active_ || expired_) {
        throw InvalidStateError("coir: reschedule() of a timeout that has expired or ended");
    }
    detail::Scheduler& scheduler = task_.scheduler();
    scheduler.disarm(timer_);
    when_ = when.value_or(never);
    if (when_ != never) scheduler.arm(timer_, when_);
}

namespace detail {

TimePoint deadline_after(Nanoseconds duration) {
    return saturating_add(this_task("a timeout").scheduler().now(), duration);
}

void throw_timeout() { std::throw_with_nested(TimeoutError()); }

}  // namespace detail

}  // namespace v0
}  // namespace coir
