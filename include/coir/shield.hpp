// SPDX-License-Identifier: BSL-1.0
// shield: keep a cancellation away from a job. Behaviour: asyncio.shield.
#pragma once

#include <coir/detail/job.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A call that is made when this is destroyed.
template <class F>
class LastAct {
public:
    explicit LastAct(F f) : f_(std::move(f)) {}
    LastAct(LastAct&& other) noexcept
        : f_(std::move(other.f_)), armed_(std::exchange(other.armed_, false)) {}
    LastAct& operator=(LastAct&&) = delete;
    ~LastAct() {
        if (armed_) f_();
    }

private:
    F f_;
    bool armed_ = true;
};

/// Gives a future the outcome of a job that is done.
template <class T, class State>
void follow_job(State& job, const Future<T>& outer) {
    try {
        switch (job.outcome()) {
            case Outcome::cancelled:
                outer.cancel(job.cancel_message());
                break;
            case Outcome::error:
                job.mark_retrieved();
                outer.set_exception(job.error());
                break;
            default:
                job.throw_unless_value(true);  // the value may have been moved out
                if constexpr (std::is_void_v<T>) {
                    outer.set_result();
                } else {
                    outer.set_result(take_value<T>(job, false));
                }
        }
    } catch (...) {
        outer.set_exception(std::current_exception());
    }
}

}  // namespace detail

/// A future that follows `job` and can be cancelled without cancelling it. While the job runs on,
/// its error is the business of whoever else awaits it; if nobody does, it is reported as never
/// retrieved. A done job's future is done.
template <class Job>
auto shield(Job&& job) -> Future<detail::JobResult<Job>> {
    using T = detail::JobResult<Job>;
    auto inner = detail::job_handle(std::forward<Job>(job));
    detail::require_same_loop(inner.state(), "shield");
    Future<T> outer = create_future<T>();
    if (inner.done()) {
        detail::follow_job<T>(inner.state(), outer);
        return outer;
    }
    // Neither callback holds a handle of its own state's, not even through the other: an abandoned
    // job or future must be able to go.
    using Outer = detail::FutureState<T>;
    auto target = std::make_shared<Outer*>(&outer.state());
    const CallbackId following = inner.add_done_callback([job = &inner.state(), target] {
        if (!*target) return;
        const Future<T> future(detail::StateRef<Outer>::share(*target));
        if (!future.done()) detail::follow_job<T>(*job, future);
    });
    inner.ref_state()->set_callback_follower(following, outer.state());
    outer.add_done_callback(
        [last = detail::LastAct([inner, following, target] {
             *target = nullptr;
             inner.remove_done_callback(following);
         })] {});
    return outer;
}

}  // namespace v0
}  // namespace coir
