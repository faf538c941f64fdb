// SPDX-License-Identifier: BSL-1.0
// An eventfd that other threads and signal handlers write to, at most once until it is noticed.
#pragma once

#include <coir/detail/sys.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/eventfd.h>

namespace coir {
inline namespace v0 {
namespace detail {

class WakeFd {
public:
    /// Throws std::system_error when there is no descriptor to be had.
    explicit WakeFd(Sys& sys) : sys_(sys) {
        const long fd = sys(SYS_eventfd2, 0u, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            throw std::system_error(static_cast<int>(-fd), std::generic_category(),
                                    "coir: eventfd for waking the loop");
        }
        fd_ = static_cast<int>(fd);
    }
    WakeFd(const WakeFd&) = delete;
    WakeFd& operator=(const WakeFd&) = delete;
    ~WakeFd() { sys_.close(fd_); }

    int fd() const noexcept { return fd_; }
    /// Any thread, and signal handlers. A full counter (EAGAIN) is a wake already.
    void wake() noexcept {
        if (pending_.exchange(true, std::memory_order_seq_cst)) return;
        const std::uint64_t one = 1;
        sys_.write(fd_, &one, sizeof one);
    }
    bool is_pending() const noexcept { return pending_.load(std::memory_order_relaxed); }
    /// The loop has seen it. `drain`: for level-triggered sources.
    void noticed(bool drain) noexcept {
        if (drain) {
            std::uint64_t count = 0;
            sys_.read(fd_, &count, sizeof count);
        }
        pending_.store(false, std::memory_order_seq_cst);
    }

private:
    Sys& sys_;
    int fd_ = -1;
    std::atomic<bool> pending_{false};
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
