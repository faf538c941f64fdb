// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

/// Debug mode: std::terminate() says in which task it was called, for what exception, and where,
/// before the handler that was there. Installed once per process. Any thread.
void prepare_terminate_reports() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
