// SPDX-License-Identifier: BSL-1.0
// An io_uring for one request at a time: for what only io_uring can do, whatever the loop's reactor.
#pragma once

#include <coir/detail/sys.hpp>

#include <cstddef>
#include <cstdint>

#include <linux/io_uring.h>

namespace coir::inline v0::detail::calls {

class SmallRing {
public:
    constexpr SmallRing() = default;
    SmallRing(const SmallRing&) = delete;
    SmallRing& operator=(const SmallRing&) = delete;

    /// False: this kernel, or whoever administers it, has none.
    bool open(Sys& sys) noexcept;
    /// What has been submitted and not completed is cancelled, some time afterwards.
    void close(Sys& sys) noexcept;
    /// Polls readable when there is a completion.
    int fd() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }

    /// The next request, all zero.
    io_uring_sqe& blank() noexcept;
    /// False: the kernel did not take it, and nothing is submitted.
    bool submit(Sys& sys) noexcept;
    /// Takes the completion, if there is one.
    bool take(long& result) noexcept;
    /// Takes the completion of a request that does not wait.
    long wait(Sys& sys) noexcept;

private:
    unsigned* word(std::uint32_t offset) noexcept {
        return reinterpret_cast<unsigned*>(rings_ + offset);
    }
    long map(Sys& sys, std::size_t size, std::uint64_t offset) noexcept;
    std::size_t entries_size() const noexcept {
        return parameters_.sq_entries * sizeof(io_uring_sqe);
    }

    int fd_ = -1;
    std::size_t size_ = 0;
    char* rings_ = nullptr;
    io_uring_sqe* entries_ = nullptr;
    io_uring_params parameters_{};
};

}  // namespace coir::inline v0::detail::calls
