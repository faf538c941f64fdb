// SPDX-License-Identifier: BSL-1.0
// Semaphore and BoundedSemaphore. While somebody waits there is no permit.
#include <coir/semaphore.hpp>

#include <coir/error.hpp>

#include <limits>
#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {

namespace {
constexpr std::ptrdiff_t most_permits = std::numeric_limits<std::ptrdiff_t>::max();
}

Semaphore::Semaphore(std::ptrdiff_t permits) : Semaphore(permits, false) {}

Semaphore::Semaphore(std::ptrdiff_t permits, bool bounded)
    : permits_(permits), most_(bounded ? permits : most_permits) {
    if (permits < 0) {
        throw std::invalid_argument("coir: a semaphore must have 0 permits or more, got " +
                                    std::to_string(permits));
    }
}

void Semaphore::acquire() {
    detail::TaskBase& self = detail::enter_suspension_point("semaphore", mark_);
    if (permits_ == 0) {
        waiters_.wait("semaphore");
        return;
    }
    --permits_;
    detail::leave_without_suspending(self);
}

bool Semaphore::try_acquire() {
    mark_.check("try_acquire");
    if (permits_ == 0) return false;
    --permits_;
    return true;
}

void Semaphore::release(std::ptrdiff_t n) {
    mark_.check("release");
    if (n < 1) {
        throw std::invalid_argument("coir: release(" + std::to_string(n) +
                                    "): the number must be 1 or more");
    }
    if (n > most_ - permits_) {
        if (most_ == most_permits) throw std::overflow_error("coir: too many permits released");
        throw InvalidStateError("coir: release() of a bounded semaphore called more often than "
                                "acquire()");
    }
    waiters_.require_wakeable("release");
    while (n > 0 && waiters_.wake_one()) --n;
    permits_ += n;
}

}  // namespace v0
}  // namespace coir
