// SPDX-License-Identifier: BSL-1.0
// coir's own error codes: what await(x, std::error_code&) says instead of throwing.
#pragma once

#include <coir/detail/config.hpp>

#include <system_error>
#include <type_traits>

namespace coir {
inline namespace v0 {

/// Each compares equal to the std::errc condition that is named, so that `error ==
/// std::errc::operation_canceled` needs none of these.
enum class Errc {
    cancelled = 1,   ///< the calling task was cancelled: CancelledError (operation_canceled)
    task_cancelled,  ///< what it awaited was, by somebody else: TaskCancelledError (operation_canceled)
    timed_out,       ///< TimeoutError (timed_out)
    invalid_state,   ///< InvalidStateError (state_not_recoverable)
    wrong_thread,    ///< WrongThreadError (state_not_recoverable)
    broken_promise,  ///< BrokenPromise (state_not_recoverable)
    failed,          ///< any exception that has no code of its own (state_not_recoverable)
};

/// The category of these codes; its name is "coir". Any thread.
COIR_API const std::error_category& error_category() noexcept;
inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

}  // namespace v0
}  // namespace coir

template <>
struct std::is_error_code_enum<coir::Errc> : std::true_type {};
