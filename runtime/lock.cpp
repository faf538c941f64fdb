// SPDX-License-Identifier: BSL-1.0
// Lock.
#include <coir/lock.hpp>

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {

void Lock::lock() {
    detail::TaskBase& self = detail::enter_suspension_point("lock", mark_);
    if (locked_) {
        waiters_.wait("lock");  // handed over: locked_ stays true
        return;
    }
    locked_ = true;
    detail::leave_without_suspending(self);
}

bool Lock::try_lock() {
    mark_.check("try_lock");
    if (locked_) return false;
    locked_ = true;
    return true;
}

void Lock::unlock() {
    mark_.check("unlock");
    if (!locked_) throw InvalidStateError("coir: unlock() of a lock that is not locked");
    waiters_.require_wakeable("unlock");
    pass_on();
}

}  // namespace v0
}  // namespace coir
