// SPDX-License-Identifier: BSL-1.0
// How often a busy loop looks at its kernel: a look is a system call, which costs what a hundred
// switches of tasks do. As long as looks find something, every 256th step has one. After one that has
// found nothing, the next may be as far away as a constant share of the time allows: a look is one
// fiftieth of it then. Posts, timers and signals, which cost nothing to look for, keep their 256 steps.
// Where steps are long and tasks yield there is a look every 100 us: tasks that compute are not to make
// those wait that answer somebody. Without yields the queue is of tasks that I/O has woken, and will be
// empty: they gain by many to a look.
// A reactor whose looks cost what all its descriptors cost (poll) asks for a pause that makes them a small
// part of the time.
#include "scheduler.hpp"

#include <algorithm>

namespace coir {
inline namespace v0 {
namespace detail {

// Whether ready entries may go on although it is time to look at the world: nothing shows without a
// look, and the last one was not long ago and either empty or expensive. By the count of steps as well, for
// clocks that stand still.
bool Scheduler::puts_off_look(TimePoint time) const noexcept {
    const Nanoseconds pause = std::max(quiet_ ? time_per_quiet_poll : Nanoseconds::zero(), wait_pause_);
    return steps_since_poll_ < steps_per_quiet_poll && time - last_poll_ < pause &&
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

// Tasks with long steps that yield.
bool Scheduler::tasks_compute() const noexcept {
    constexpr std::int32_t of_long_ones = 4;
    return yielded_ && steps_per_sample_ <= of_long_ones;
}

// Whether the last look was so short a time ago that the next step need not be another one.
bool Scheduler::is_soon_after_look(TimePoint time) const noexcept {
    const Nanoseconds since = time - last_poll_;
    if (tasks_compute()) return since < std::chrono::microseconds(100);
    return since < time_per_poll || (wait_pause_.count() != 0 && puts_off_look(time));
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
