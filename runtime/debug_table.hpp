// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

class Scheduler;

/// Enters a loop into the debug table, and takes it out. Any thread.
void register_scheduler(Scheduler& scheduler);
void unregister_scheduler(Scheduler& scheduler) noexcept;
// Around fork().
void lock_loops() noexcept;
void unlock_loops() noexcept;
/// Under the lock.
void for_each_loop(void (*visit)(Scheduler&) noexcept) noexcept;
/// Whether the loop of this serial() is open, and neither runs here nor may be used here between
/// its runs. Any thread.
bool loop_refuses_use_here(std::uint64_t serial) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
