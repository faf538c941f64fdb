// SPDX-License-Identifier: BSL-1.0
// Event.
#include <coir/event.hpp>

namespace coir {
inline namespace v0 {

void Event::set() {
    mark_.check("set of an event");
    waiters_.require_wakeable("set of an event");
    set_ = true;
    waiters_.wake_all();
}

void Event::wait() {
    detail::TaskBase& self = detail::enter_suspension_point("event", mark_);
    if (!set_) {
        waiters_.wait("event");
        return;
    }
    detail::leave_without_suspending(self);
}

}  // namespace v0
}  // namespace coir
