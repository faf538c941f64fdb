// SPDX-License-Identifier: BSL-1.0
// Lock and Event.
#include <coir/sync.hpp>

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {

void Lock::lock() {
    detail::TaskBase& self = detail::enter_suspension_point("lock");
    if (!locked_) {
        locked_ = true;
        detail::leave_without_suspending(self);
        return;
    }
    detail::WaitNode node;
    waiters_.wait(node, "lock");  // handed over: locked_ stays true
}

bool Lock::try_lock() noexcept {
    if (locked_) return false;
    locked_ = true;
    return true;
}

void Lock::unlock() {
    if (!locked_) throw InvalidStateError("coir: unlock() of a lock that is not locked");
    if (!waiters_.wake_one()) locked_ = false;
}

void Event::set() noexcept {
    set_ = true;
    waiters_.wake_all();
}

void Event::wait() {
    detail::TaskBase& self = detail::enter_suspension_point("event");
    if (set_) {
        detail::leave_without_suspending(self);
        return;
    }
    detail::WaitNode node;
    waiters_.wait(node, "event");
}

}  // namespace v0
}  // namespace coir
