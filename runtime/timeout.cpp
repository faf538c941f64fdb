// SPDX-License-Identifier: BSL-1.0
// Timeout scopes.
//
//   active --timer--> due --next turn--> expired (a cancel request of the scope's own) --> ended
//         `----------------------------------------------------------------------------> ended
//
// The turn in between lets what became ready together with the deadline run first. The request is
// taken back at the end. The scope's own cancellation is told from others by the task's count of
// requests: it is the scope's if no more are left than at its start.
#include <coir/timeout.hpp>

#include "duration.hpp"
#include "scheduler.hpp"

#include <coir/log.hpp>

namespace coir {
inline namespace v0 {

Timeout::Timeout(TimePoint now, TimePoint when)
    : task_(detail::this_task("a timeout")), began_(now) {
    timer_.scope = this;
    timer_.fire = &Timeout::timer_fired;
    request_.scope = this;
    request_.expire = [](detail::ScopeRequest& request) noexcept {
        static_cast<Request&>(request).scope->expire();
    };
    if (when != never) task_.scheduler().arm(timer_, when);  // may throw: before the scope is known
    task_.enter_scope(request_);
    cancelling_before_ = task_.cancelling_in(request_);
    set_deadline(now, when);
}

Timeout::~Timeout() { leave(); }

// The timer is armed for `when` already.
void Timeout::set_deadline(TimePoint now, TimePoint when) {
    using State = detail::ScopeRequest::State;
    request_.when = when;
    request_.state = when <= now ? State::due : State::none;
    timer_.due_turn = 0;
    task_.update_cancel_pending();
}

void Timeout::timer_fired(detail::TimerNode& node) noexcept {
    Timeout& self = *static_cast<Timer&>(node).scope;
    if (self.timer_.strikes(self.task_.scheduler())) self.expire();
}

void Timeout::expire() noexcept {
    task_.scheduler().disarm(timer_);
    expired_ = true;
    task_.request_from(request_);
}

void Timeout::leave() noexcept {
    if (!active_) return;
    active_ = false;
    task_.scheduler().disarm(timer_);
    task_.leave_scope(request_);
}

void Timeout::returned() noexcept {
    const bool swallowed = request_.state >= detail::ScopeRequest::State::latest;
    leave();
    if (!swallowed || !task_.scheduler().debug()) return;
    try {
        detail::log(LogLevel::debug, "coir: timeout swallowed: the code of a timeout in task '" +
                                         task_.name() + "' caught its CancelledError and returned");
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

bool Timeout::cancelled(const CancelledError& error) {
    leave();
    if (!expired_) return false;
    const std::uint32_t left = task_.cancelling_in(request_);
    if (left <= cancelling_before_) return true;
    // Others have asked too. Outer scopes with a later deadline can wait until this error has been
    // dealt with: they ask again at the next suspension point. Anybody else comes first.
    std::uint32_t later = 0;
    for (const detail::ScopeRequest* outer = request_.outer; outer; outer = outer->outer) {
        if (outer->made() && outer->when > request_.when) ++later;
    }
    if (left - cancelling_before_ > later) return false;
    task_.put_back_latest(error.message());
    return true;
}

Nanoseconds Timeout::limit() const noexcept { return request_.when - began_; }

std::optional<TimePoint> Timeout::when() const noexcept {
    if (request_.when == never) return std::nullopt;
    return request_.when;
}

void Timeout::reschedule(std::optional<TimePoint> when) {
    if (!active_ || expired_) {
        throw InvalidStateError("coir: reschedule() of a timeout that has expired or ended");
    }
    detail::Scheduler& scheduler = task_.scheduler();
    scheduler.disarm(timer_);
    if (when && *when != never) scheduler.arm(timer_, *when);
    set_deadline(scheduler.now(), when.value_or(never));
}

namespace detail {

bool DeadlineTimer::strikes(Scheduler& scheduler) noexcept {
    if (due_turn == 0) due_turn = scheduler.turn();
    if (due_turn != scheduler.turn()) return true;
    scheduler.arm(*this, scheduler.now());  // in the place that it has just left: no memory
    return false;
}

TimePoint now_for_timeout() { return this_task("a timeout").scheduler().now(); }

void throw_timeout(Nanoseconds limit) {
    const TimeoutError error(limit.count() > 0
                                 ? "coir: timed out after " + describe_duration(limit)
                                 : std::string("coir: timed out: there was no time left"));
    if (!std::current_exception()) throw error;
    std::throw_with_nested(error);
}

}  // namespace detail

}  // namespace v0
}  // namespace coir
