// SPDX-License-Identifier: BSL-1.0
// Waiting until there may be news of child processes, without taking them.
#pragma once

#include "in_task.hpp"
#include "small_ring.hpp"

namespace coir::inline v0::detail::calls {

/// The waits of one call. One process that ends is waited for by its pidfd; several, and stops and
/// continuations, by io_uring's waitid, which leaves the status where it is (Linux 6.7); without
/// that, by looking again and again, every 20 milliseconds at least.
class ChildWait {
public:
    /// As for waitid().
    ChildWait(Scheduler& loop, int which, long id, int options, const char* what) noexcept
        : loop_(loop), which_(which), id_(id), options_(options), what_(what) {}
    ChildWait(const ChildWait&) = delete;
    ChildWait& operator=(const ChildWait&) = delete;
    ~ChildWait();

    /// 0: look again. Or the -errno to end with.
    long wait() noexcept;
    bool suspended() const noexcept { return suspended_; }

private:
    enum class Way : unsigned char { undecided, pidfd, ring, clock };

    Way choose() noexcept;
    bool submit() noexcept;
    long wait_for(int fd) noexcept;
    long wait_by_ring() noexcept;
    long wait_by_clock() noexcept;

    Scheduler& loop_;
    int which_;
    long id_;
    int options_;
    const char* what_;
    bool suspended_ = false;
    bool pending_ = false;
    Way way_ = Way::undecided;
    int pidfd_ = -1;
    bool owns_pidfd_ = false;
    unsigned looks_ = 0;
    SmallRing ring_;
};

}  // namespace coir::inline v0::detail::calls
