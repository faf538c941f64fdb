// SPDX-License-Identifier: BSL-1.0
// A flag that tasks wait for. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

namespace coir {
inline namespace v0 {

/// A flag that tasks wait for. Calls throw WrongThreadError when they would wait together with, or
/// wake, tasks of a loop that does not run here.
class COIR_API Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Raises the flag and wakes all who wait, even if it is cleared before they run.
    void set();
    void clear() noexcept { set_ = false; }
    bool is_set() const noexcept { return set_; }
    /// Returns at once when the flag is up.
    COIR_SUSPENDS void wait();

private:
    bool set_ = false;
    detail::WaitQueue waiters_;
    detail::LoopMark mark_;
};

}  // namespace v0
}  // namespace coir
