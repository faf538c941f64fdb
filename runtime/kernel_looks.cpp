// SPDX-License-Identifier: BSL-1.0
// How often a busy loop looks at its kernel: a look is a system call, which costs what a hundred
// switches of tasks do. As long as looks find something, every 256th step has one. After one that has
// found nothing, the next may be as far away as a constant share of the time allows: a look is one
// fiftieth of it then. Posts, timers and signals, which cost nothing to look for, keep their 256 steps.
#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

// Whether ready entries may go on although it is time to look at the world: nothing shows without a
// look, and the last one was empty and not long ago. By the count of steps as well, for clocks that
// stand still.
bool Scheduler::kernel_is_quiet(TimePoint time) const noexcept {
    return steps_since_poll_ < steps_per_quiet_poll && time - last_poll_ < time_per_quiet_poll &&
           timers_.next() > time && inbox_.empty() && !signalled_.load(std::memory_order_relaxed) &&
           !hooks_ && !reactor_->world() && !reactor_->has_unsent();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
