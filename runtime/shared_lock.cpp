// SPDX-License-Identifier: BSL-1.0
// SharedLock. Whoever waits first could not be served when grant() last ran.
#include <coir/shared_lock.hpp>

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {

struct SharedLock::Wait : detail::WaitNode {
    Wait(SharedLock& on, bool as_writer) : lock(on), writer(as_writer) {
        // A writer that gives up may have been all that kept readers waiting.
        left = [](WaitNode& node) noexcept { static_cast<Wait&>(node).lock.grant(); };
    }
    SharedLock& lock;
    const bool writer;
};

// Hands it to the first who wait: one writer, or readers up to the next writer.
void SharedLock::grant() noexcept {
    while (auto* first = static_cast<Wait*>(waiters_.front())) {
        if (writer_ || (first->writer && readers_ > 0)) return;
        if (first->writer) {
            writer_ = true;
        } else {
            ++readers_;
        }
        waiters_.wake_one();
    }
}

void SharedLock::wait(bool writer) {
    Wait node(*this, writer);
    waiters_.wait(node, writer ? "exclusive lock" : "shared lock");
}

void SharedLock::lock() {
    detail::TaskBase& self = detail::enter_suspension_point("lock", mark_);
    if (!try_lock()) return wait(true);
    detail::leave_without_suspending(self);
}

bool SharedLock::try_lock() {
    mark_.check("try_lock");
    if (writer_ || readers_ > 0) return false;
    writer_ = true;
    return true;
}

void SharedLock::unlock() {
    mark_.check("unlock");
    if (!writer_) throw InvalidStateError("coir: unlock() of a lock that no writer has");
    waiters_.require_wakeable("unlock");
    writer_ = false;
    grant();
}

void SharedLock::lock_shared() {
    detail::TaskBase& self = detail::enter_suspension_point("lock_shared", mark_);
    if (!try_lock_shared()) return wait(false);
    detail::leave_without_suspending(self);
}

bool SharedLock::try_lock_shared() {
    mark_.check("try_lock_shared");
    if (writer_ || !waiters_.empty()) return false;
    ++readers_;
    return true;
}

void SharedLock::unlock_shared() {
    mark_.check("unlock_shared");
    if (readers_ == 0) throw InvalidStateError("coir: unlock_shared() of a lock that no reader has");
    waiters_.require_wakeable("unlock_shared");
    --readers_;
    grant();
}

}  // namespace v0
}  // namespace coir
