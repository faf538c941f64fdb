// SPDX-License-Identifier: BSL-1.0
// Waiting for several descriptors at once, for poll, select and epoll_wait.
#pragma once

#include "in_task.hpp"

#include <cstddef>

namespace coir::inline v0::detail::calls {

/// When a relative timeout is over. `past` for none at all, `never` for -1 or null.
inline constexpr TimePoint past = TimePoint::min();
TimePoint after_milliseconds(Scheduler& loop, int timeout) noexcept;
TimePoint after(Scheduler& loop, const timespec* timeout) noexcept;
/// Null, or within the limits that the kernel sets.
bool is_valid(const timespec* timeout) noexcept;

class MultiWait {
public:
    /// `looks_again`: wait() also returns every few milliseconds (signal masks).
    MultiWait(Scheduler& loop, TimePoint deadline, bool looks_again, const char* what) noexcept
        : loop_(loop), deadline_(deadline), looks_again_(looks_again), what_(what) {}
    MultiWait(const MultiWait&) = delete;
    MultiWait& operator=(const MultiWait&) = delete;
    ~MultiWait();

    /// Room for `most` descriptors; -ENOMEM.
    int reserve(std::size_t most) noexcept;
    /// A descriptor to wait for; negative ones are ignored.
    void add(int fd, short events) noexcept;
    /// 0: look again. -ETIMEDOUT: the deadline is over. -ECANCELED, -ENOMEM.
    long wait() noexcept;
    /// The result for libc, errno set; the end of the call.
    int finish(long result) noexcept;

private:
    static constexpr std::size_t few = 8;

    Scheduler& loop_;
    TimePoint deadline_;
    bool looks_again_;
    bool suspended_ = false;
    const char* what_;
    unsigned futile_ = 0;
    std::size_t count_ = 0;
    hooks::WaitOperation* many_ = nullptr;
    hooks::WaitOperation few_[few];
};

}  // namespace coir::inline v0::detail::calls
