// SPDX-License-Identifier: BSL-1.0
// Deadlines around any code, and keeping a cancellation out of a block.
//
// A deadline is a scope: everything that suspends inside it is interrupted when the time comes, by
// a cancellation that the scope turns into TimeoutError at its end. A result that is there wins:
// what becomes ready in the same turn of the loop as the deadline runs before the deadline strikes.
// Behaviour: asyncio.timeout and asyncio.wait_for of Python 3.12.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/callback.hpp>
#include <coir/detail/job.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>
#include <coir/shield.hpp>
#include <coir/time.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// What the body of a timeout scope may see and change. Lives as long as the scope.
class COIR_API Timeout {
public:
    Timeout(const Timeout&) = delete;
    Timeout& operator=(const Timeout&) = delete;

    /// The deadline; nothing when there is none.
    std::optional<TimePoint> when() const noexcept;
    /// Moves the deadline, earlier or later; nothing: takes it away. A past one fires at the next
    /// turn. Throws InvalidStateError once the scope has expired or ended.
    void reschedule(std::optional<TimePoint> when);
    /// Whether the deadline has passed while the scope was active.
    bool expired() const noexcept { return expired_; }

protected:
    /// `now`: the clock when the scope began.
    Timeout(TimePoint now, TimePoint when);
    ~Timeout();
    /// The end of the scope, by a return.
    void returned() noexcept;
    /// By CancelledError. True when it is the scope's own doing and is to become a TimeoutError.
    bool cancelled(const CancelledError& error);
    /// By anything else.
    void failed() noexcept { leave(); }
    /// From the beginning to the deadline.
    Nanoseconds limit() const noexcept;

private:
    struct Timer : detail::DeadlineTimer {
        Timeout* scope = nullptr;
    };
    struct Request : detail::ScopeRequest {
        Timeout* scope = nullptr;
    };
    static void timer_fired(detail::TimerNode& node) noexcept;
    void set_deadline(TimePoint now, TimePoint when);
    void expire() noexcept;
    void leave() noexcept;

    detail::TaskBase& task_;
    Timer timer_;
    Request request_;
    const TimePoint began_;
    std::uint32_t cancelling_before_ = 0;
    bool expired_ = false;
    bool active_ = true;
};

namespace detail {

class TimeoutScope : public Timeout {
public:
    TimeoutScope(TimePoint now, TimePoint when) : Timeout(now, when) {}
    using Timeout::cancelled;
    using Timeout::failed;
    using Timeout::limit;
    using Timeout::returned;
};

/// The clock of the loop that runs here; std::logic_error outside a task.
COIR_API TimePoint now_for_timeout();
/// Throws a TimeoutError that names the limit (none, or less than nothing: there was no time), with
/// the exception in flight nested in it.
[[noreturn]] COIR_API void throw_timeout(Nanoseconds limit);

template <class F>
auto call_with_timeout(F&& f, Timeout& timeout) -> decltype(auto) {
    if constexpr (std::is_invocable_v<F, Timeout&>) {
        return std::invoke(std::forward<F>(f), timeout);
    } else {
        return std::invoke(std::forward<F>(f));
    }
}

template <class F>
using TimedResult = decltype(call_with_timeout(std::declval<F>(), std::declval<Timeout&>()));

/// What is returned by a scope that throws nothing when its time is over.
template <class T>
using MovedOn = std::conditional_t<std::is_void_v<T>, bool, std::optional<StoredValue<T>>>;
template <bool moves_on, class F>
using ScopeResult = std::conditional_t<moves_on, MovedOn<TimedResult<F>>, TimedResult<F>>;

template <bool moves_on = false, class F>
auto run_with_deadline(TimePoint now, TimePoint when, F&& f) -> ScopeResult<moves_on, F> {
    TimeoutScope scope(now, when);
    try {
        if constexpr (std::is_void_v<TimedResult<F>>) {
            call_with_timeout(std::forward<F>(f), scope);
            scope.returned();
            if constexpr (moves_on) return true;
        } else {
            decltype(auto) result = call_with_timeout(std::forward<F>(f), scope);
            scope.returned();
            return static_cast<decltype(result)&&>(result);
        }
    } catch (const CancelledError& error) {
        if (!scope.cancelled(error)) throw;
        if constexpr (moves_on) {
            return {};
        } else {
            throw_timeout(scope.limit());
        }
    } catch (...) {
        scope.failed();
        throw;
    }
}

/// Awaits a handle that was cancelled because there was no time for it.
template <class Handle>
auto await_out_of_time(Handle&& handle) -> decltype(auto) {
    try {
        return std::forward<Handle>(handle).get();
    } catch (const TaskCancelledError&) {
        // The handle's own end, and not something that it threw.
        if (handle.cancelled()) throw_timeout(Nanoseconds(0));
        throw;
    }
}

}  // namespace detail

/// Calls `f()` or `f(Timeout&)` and returns its result. When the clock passes `when` first, what
/// `f` waits for is cancelled, and if `f` ends by that, TimeoutError is thrown (with the
/// CancelledError nested). An `f` that never suspends is not interrupted. Other errors of `f` pass,
/// and so does a cancellation from outside. Of nested scopes with the same deadline the outermost
/// throws. In a no_cancel block or a destructor it works as elsewhere. std::logic_error outside a
/// task.
template <class F>
COIR_SUSPENDS auto with_deadline(TimePoint when, F&& f) -> detail::TimedResult<F> {
    return detail::run_with_deadline(detail::now_for_timeout(), when, std::forward<F>(f));
}

/// The same with a deadline counted from now.
template <class Rep, class Period, class F>
COIR_SUSPENDS auto with_timeout(std::chrono::duration<Rep, Period> duration, F&& f)
    -> detail::TimedResult<F> {
    const Nanoseconds limit = to_nanoseconds(duration);
    const TimePoint now = detail::now_for_timeout();
    return detail::run_with_deadline(now, saturating_add(now, limit), std::forward<F>(f));
}

/// The same, but the end of the time is no error: nullopt then, or false where `f` returns nothing
/// (true when it was in time). A reference that `f` returns comes as a std::reference_wrapper. A
/// TimeoutError that `f` itself throws passes.
template <class Rep, class Period, class F>
COIR_SUSPENDS auto move_on_after(std::chrono::duration<Rep, Period> duration, F&& f)
    -> detail::MovedOn<detail::TimedResult<F>> {
    const Nanoseconds limit = to_nanoseconds(duration);
    const TimePoint now = detail::now_for_timeout();
    return detail::run_with_deadline<true>(now, saturating_add(now, limit), std::forward<F>(f));
}

/// Runs a job with a limit: a callable is called in place, a Task or Future awaited. When the time
/// is over, it is cancelled and waited for, and TimeoutError is thrown; if it ends with a result or
/// another error all the same, that counts. With no time left, a callable is not begun, and a
/// handle counts if it is done.
template <class Job, class Rep, class Period>
COIR_SUSPENDS auto wait_for(Job&& job, std::chrono::duration<Rep, Period> duration)
    -> detail::JobResult<Job> {
    const Nanoseconds limit = to_nanoseconds(duration);
    if constexpr (detail::Handle<Job>) {
        // No scope without time: its request would come on top of this one and cut the job's
        // clean-up short.
        if (limit.count() > 0) {
            return with_timeout(limit, [&]() -> detail::JobResult<Job> {
                return std::forward<Job>(job).get();
            });
        }
        static_cast<void>(detail::require_task("wait_for"));
        detail::require_same_loop(job.state(), "wait_for");
        if (job.done()) return std::forward<Job>(job).get();
        job.cancel();
        return detail::await_out_of_time(std::forward<Job>(job));
    } else {
        static_cast<void>(detail::enter_suspension_point("wait_for"));
        if (limit.count() <= 0) detail::throw_timeout(limit);
        return with_timeout(limit, std::forward<Job>(job));
    }
}

namespace detail {
class COIR_API MaskScope {
public:
    MaskScope() : task_(require_task("no_cancel")) { task_.mask(); }
    MaskScope(const MaskScope&) = delete;
    MaskScope& operator=(const MaskScope&) = delete;
    ~MaskScope() { task_.unmask(); }

private:
    TaskBase& task_;
};
}  // namespace detail

/// Calls `f()`: a cancellation that comes from outside of it meanwhile stays pending until the
/// first cancellation point after it; timeouts and task groups inside work as elsewhere.
/// std::logic_error outside a task.
template <class F>
decltype(auto) no_cancel(F&& f) {
    detail::MaskScope mask;
    return std::invoke(std::forward<F>(f));
}

}  // namespace v0
}  // namespace coir
