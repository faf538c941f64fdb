// SPDX-License-Identifier: BSL-1.0
// See child_wait.hpp.
#include "child_wait.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace coir::inline v0::detail::calls {
namespace {

// Of a newer kernel than its headers.
constexpr unsigned char op_waitid = 50;

constinit std::atomic<bool> ring_unusable{false};

}  // namespace

ChildWait::~ChildWait() {
    Sys& sys = hooks::sys(loop_);
    if (owns_pidfd_) {
        hooks::closing(loop_, pidfd_);
        sys.close(pidfd_);
    }
    if (ring_.is_open()) {
        hooks::closing(loop_, ring_.fd());
        ring_.close(sys);  // and with it the request
    }
}

ChildWait::Way ChildWait::choose() noexcept {
    Sys& sys = hooks::sys(loop_);
    const bool only_ends = (options_ & (WSTOPPED | WCONTINUED)) == 0 && (options_ & WEXITED) != 0;
    if (only_ends && which_ == P_PIDFD) {
        pidfd_ = static_cast<int>(id_);
        return Way::pidfd;
    }
    if (only_ends && which_ == P_PID) {
        pidfd_ = static_cast<int>(sys(SYS_pidfd_open, id_, 0));
        owns_pidfd_ = pidfd_ >= 0;
        if (owns_pidfd_) return Way::pidfd;
    }
    if (!ring_unusable.load(std::memory_order_relaxed) && ring_.open(sys)) return Way::ring;
    return Way::clock;
}

bool ChildWait::submit() noexcept {
    io_uring_sqe& entry = ring_.blank();
    entry.opcode = op_waitid;
    entry.fd = static_cast<int>(id_);
    entry.len = static_cast<unsigned>(which_);
    entry.file_index = static_cast<unsigned>((options_ & ~WNOHANG) | WNOWAIT);
    return ring_.submit(hooks::sys(loop_));
}

long ChildWait::wait_for(int fd) noexcept {
    hooks::WaitOperation operation;
    prepare_poll(operation, fd, POLLIN);
    switch (hooks::wait_any(loop_, &operation, 1, coir::never, what_, Interruptible::restarts)) {
        case Woken::cancelled: return -ECANCELED;
        case Woken::closed: return -EBADF;
        case Woken::no_memory: return -ENOMEM;
        case Woken::interrupted: return -EINTR;
        case Woken::timeout:
        case Woken::event: break;
    }
    return 0;
}

long ChildWait::wait_by_ring() noexcept {
    if (!pending_ && !submit()) {
        way_ = Way::clock;
        return wait_by_clock();
    }
    pending_ = true;
    long result = 0;
    while (!ring_.take(result)) {
        if (const long error = wait_for(ring_.fd()); error < 0) return error;
    }
    pending_ = false;
    if (result == -EINVAL) {  // an older kernel
        ring_unusable.store(true, std::memory_order_relaxed);
        way_ = Way::clock;
        return wait_by_clock();
    }
    return 0;  // the call itself tells the rest
}

long ChildWait::wait_by_clock() noexcept {
    looks_ = std::min(looks_ + 1, 20u);
    const TimePoint until =
        coir::saturating_add(hooks::sys(loop_).now(), std::chrono::milliseconds(looks_));
    switch (rest(loop_, until, what_)) {
        case Woken::cancelled: return -ECANCELED;
        case Woken::no_memory: return -ENOMEM;
        case Woken::interrupted: return -EINTR;
        default: return 0;
    }
}

long ChildWait::wait() noexcept {
    if (hooks::cancel_asked(loop_)) return -ECANCELED;
    suspended_ = true;
    if (way_ == Way::undecided) way_ = choose();
    // News that the call itself does not see: somebody else was quicker, or a tracer has it.
    constexpr unsigned patience = 3;
    if (way_ != Way::clock && ++looks_ > patience) {
        if (const long error = wait_by_clock(); error < 0) return error;
    }
    switch (way_) {
        case Way::pidfd: return wait_for(pidfd_);
        case Way::ring: return wait_by_ring();
        default: return wait_by_clock();
    }
}

}  // namespace coir::inline v0::detail::calls
