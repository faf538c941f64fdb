// SPDX-License-Identifier: BSL-1.0
// The gate of Lazy.
#include <coir/lazy.hpp>

#include <coir/error.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

bool LazyGate::enter() {
    TaskBase& self = enter_suspension_point("lazy", mark_);
    if (done_ || !initialiser_) {
        if (!done_) initialiser_ = &self;
        const bool mine = !done_;
        leave_without_suspending(self);
        return mine;
    }
    if (initialiser_ == &self) {
        throw InvalidStateError("coir: the initialiser of a Lazy asks for its own value");
    }
    // Handed over while it is not done: this one is the next to try.
    waiters_.wait("lazy");
    return initialiser_ == &self;
}

void LazyGate::succeeded() noexcept {
    done_ = true;
    initialiser_ = nullptr;
    waiters_.wake_all();
}

void LazyGate::failed() noexcept {
    const WaitNode* next = waiters_.wake_one();
    initialiser_ = next ? next->task : nullptr;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
