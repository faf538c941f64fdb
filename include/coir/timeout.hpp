// SPDX-License-Identifier: BSL-1.0
// Deadlines around any code, and keeping a cancellation out of a block.
//
// A deadline is a scope: everything that suspends inside it is interrupted when the time comes, by a
// cancellation that the scope turns into TimeoutError at its end. A result that is there wins.
// Behaviour: asyncio.timeout and asyncio.wait_for of Python 3.12.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/callback.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/error.hpp>
#include <coir/gather.hpp>
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
    explicit Timeout(TimePoint when);
    ~Timeout();
    /// The end of the scope. True when a CancelledError that leaves it is the scope's own doing and
    /// is to become a TimeoutError.
    bool leave() noexcept;

private:
    static void fire(detail::TimerNode& node) noexcept;
    struct Timer : detail::TimerNode {
        Timeout* scope = nullptr;
    };

    detail::TaskBase& task_;
    Timer timer_;
    TimePoint when_;
    std::uint32_t cancelling_before_;
    bool expired_ = false;
    bool active_ = true;
};

namespace detail {

class TimeoutScope : public Timeout {
public:
    explicit TimeoutScope(TimePoint when) : Timeout(when) {}
    using Timeout::leave;
};

COIR_API TimePoint deadline_after(Nanoseconds duration);
/// Throws TimeoutError with the exception in flight nested in it.
[[noreturn]] COIR_API void throw_timeout();

template <class F>
auto call_with_timeout(F&& f, Timeout& timeout) -> decltype(auto) {
    if constexpr (std::is_invocable_v<F, Timeout&>) {
        return std::invoke(std::forward<F>(f), timeout);
    } else {
        return std::invoke(std::forward<F>(f));
    }
}

}  // namespace detail

/// Calls `f()` or `f(Timeout&)` and returns its result. When the clock passes `when` first, what `f`
/// waits for is cancelled, and if `f` ends by that, TimeoutError is thrown (with the CancelledError
/// nested). An `f` that never suspends is not interrupted.
template <class F>
COIR_SUSPENDS auto with_deadline(TimePoint when, F&& f)
    -> decltype(detail::call_with_timeout(std::forward<F>(f), std::declval<Timeout&>())) {
    detail::TimeoutScope scope(when);
    try {
        if constexpr (std::is_void_v<decltype(detail::call_with_timeout(std::forward<F>(f),
                                                                        scope))>) {
            detail::call_with_timeout(std::forward<F>(f), scope);
            scope.leave();
        } else {
            decltype(auto) result = detail::call_with_timeout(std::forward<F>(f), scope);
            scope.leave();
            return static_cast<decltype(result)&&>(result);
        }
    } catch (const CancelledError&) {
        if (scope.leave()) detail::throw_timeout();
        throw;
    } catch (...) {
        scope.leave();
        throw;
    }
}

/// The same with a deadline counted from now.
template <class Rep, class Period, class F>
COIR_SUSPENDS decltype(auto) with_timeout(std::chrono::duration<Rep, Period> duration, F&& f) {
    return with_deadline(detail::deadline_after(to_nanoseconds(duration)), std::forward<F>(f));
}

/// Runs a job with a limit: a callable is called in place, a Task or Future awaited. When the time
/// is over, it is cancelled and waited for, and TimeoutError is thrown; if it ends with a result or
/// another error all the same, that counts. With no time left, a callable is not begun.
template <class Job, class Rep, class Period>
COIR_SUSPENDS auto wait_for(Job&& job, std::chrono::duration<Rep, Period> duration)
    -> detail::JobResult<Job> {
    const Nanoseconds limit = to_nanoseconds(duration);
    static_cast<void>(detail::enter_suspension_point("wait_for"));
    if constexpr (detail::Handle<Job>) {
        if (limit.count() <= 0 && !job.done()) job.cancel();
        return with_deadline(detail::deadline_after(limit), [&]() -> detail::JobResult<Job> {
            if (limit.count() > 0 || job.done()) return std::forward<Job>(job).get();
            try {
                return std::forward<Job>(job).get();
            } catch (const TaskCancelledError&) {
                detail::throw_timeout();
            }
        });
    } else {
        if (limit.count() <= 0) throw TimeoutError();
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

/// Calls `f()`: a cancellation that comes meanwhile stays pending until the first cancellation point
/// after it. std::logic_error outside a task.
template <class F>
decltype(auto) no_cancel(F&& f) {
    detail::MaskScope mask;
    return std::invoke(std::forward<F>(f));
}

}  // namespace v0
}  // namespace coir
