// SPDX-License-Identifier: BSL-1.0
// await, and the other plain suspension points.
//
// Every function marked COIR_SUSPENDS may suspend the calling task and is a cancellation point,
// whether or not it suspends on a particular call. Outside a task it throws std::logic_error.
#pragma once

#include <coir/error.hpp>
#include <coir/error_code.hpp>
#include <coir/future.hpp>
#include <coir/task.hpp>
#include <coir/time.hpp>

#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// Suspends until `x` is done and returns its value (a copy) or throws its exception. If the
/// awaiting task is cancelled meanwhile, `x` is cancelled and waited for; shield() prevents that.
/// If somebody else had cancelled `x`, TaskCancelledError is thrown. InvalidStateError: a task that
/// awaits itself, or a value that has been moved out. WrongThreadError: `x` belongs to another loop.
template <class T>
COIR_SUSPENDS T await(const Task<T>& x) {
    return x.get();
}
template <class T>
COIR_SUSPENDS T await(const Future<T>& x) {
    return x.get();
}
/// The same, but moves the value out when this is the last handle or T cannot be copied; whoever
/// reads it later gets InvalidStateError.
template <class T>
COIR_SUSPENDS T await(Task<T>&& x) {
    return std::move(x).get();
}
template <class T>
COIR_SUSPENDS T await(Future<T>&& x) {
    return std::move(x).get();
}

namespace detail {
/// What error code stands for the exception in flight. A cancellation is put back, so that the next
/// cancellation point of code that may throw delivers it.
COIR_API std::error_code current_exception_code() noexcept;
}  // namespace detail

/// For noexcept frames: the value and a cleared `error`, or nullopt and a code. void gives
/// std::monostate. The codes are those of coir::Errc, but for a std::system_error's own (an IoError
/// has its errno), and not_enough_memory for std::bad_alloc. With Errc::cancelled the calling task
/// was cancelled: the request stays pending, so that the next cancellation point that may throw
/// delivers it; until then every further await ends so, too.
template <class X>
    requires requires(X&& x) { await(std::forward<X>(x)); }
COIR_SUSPENDS auto await(X&& x, std::error_code& error)
    -> std::optional<detail::ValueOf<decltype(await(std::forward<X>(x)))>> {
    using Result = decltype(await(std::forward<X>(x)));
    try {
        error.clear();
        if constexpr (std::is_void_v<Result>) {
            await(std::forward<X>(x));
            return std::monostate{};
        } else {
            return await(std::forward<X>(x));
        }
    } catch (...) {
        error = detail::current_exception_code();
        return std::nullopt;
    }
}

namespace detail {
COIR_API COIR_SUSPENDS void sleep_for_nanoseconds(Nanoseconds duration);
}

/// Lets every task that is due run once; for a negative duration too. `sleep(0s)` is yield_now().
template <class Rep, class Period>
COIR_SUSPENDS void sleep(std::chrono::duration<Rep, Period> duration) {
    detail::sleep_for_nanoseconds(to_nanoseconds(duration));
}
/// The same as sleep(), by the standard library's name.
template <class Rep, class Period>
COIR_SUSPENDS void sleep_for(std::chrono::duration<Rep, Period> duration) {
    sleep(duration);
}
/// Suspends until the clock shows `when`, never less; a past instant costs one yield.
COIR_API COIR_SUSPENDS void sleep_until(TimePoint when);

/// Goes to the end of the ready queue.
COIR_API COIR_SUSPENDS void yield_now();
/// Throws if the task was cancelled, and yields if it has used up its turn: for loops that compute.
COIR_API COIR_SUSPENDS void checkpoint();

}  // namespace v0
}  // namespace coir
