// SPDX-License-Identifier: BSL-1.0
// Stack overflow: a report that names the task, then death by SIGSEGV.
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

/// Gives this thread a signal stack if it has none, and puts the SIGSEGV handler in front of whatever
/// handles it now. Called when a loop starts to run on a thread.
void prepare_overflow_reports();

}  // namespace detail
}  // namespace v0
}  // namespace coir
