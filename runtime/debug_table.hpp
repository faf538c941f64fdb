// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

class Scheduler;

/// Enters a loop into the debug table, and takes it out. Any thread.
void register_scheduler(Scheduler& scheduler);
void unregister_scheduler(Scheduler& scheduler) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
