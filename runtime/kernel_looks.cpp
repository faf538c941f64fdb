// SPDX-License-Identifier: BSL-1.0
// How often a busy loop looks at its kernel: a look is a system call, which costs what a hundred
// switches of tasks do. As long as looks find something, every 256th step has one. After one that has
// found nothing, the next may be as far away as a constant share of the time allows: a look is one
// fiftieth of it then. Posts, timers and signals, which cost nothing to look for, keep their 256 steps.
// Where steps are long and tasks yield there is a look every 100 us: tasks that compute are not to make
// those wait that answer somebody. Without yields the queue is of tasks that I/O has woken, and will be
// empty: they gain by many to a look.
#include "scheduler.hpp"

#include <algorithm>

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

// The clock is read so often that the steps in between take 25 us or less, where a step does. Long steps
// shorten that at once, and short ones, after which long ones may come again, make it longer slowly.
void Scheduler::fit_samples(TimePoint time) noexcept {
    constexpr Nanoseconds wanted = std::chrono::microseconds(25);
    const Nanoseconds spent = time - std::max(sampled_at_, last_poll_);
    sampled_at_ = time;
    if (spent > wanted) [[unlikely]] {
        steps_per_sample_ = std::max(1, static_cast<int>(chunk_ * wanted / spent));
    } else if (steps_per_sample_ < most_steps_per_sample) [[unlikely]] {
        ++steps_per_sample_;
    }
}

// The longest that ready entries keep the loop from its kernel.
Nanoseconds Scheduler::longest_without_look() const noexcept {
    constexpr std::int32_t of_long_ones = 4;
    const bool computing = yielded_ && steps_per_sample_ <= of_long_ones;
    return computing ? std::chrono::microseconds(100) : time_per_poll;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
