// SPDX-License-Identifier: BSL-1.0
// What is left of an iovec array once some bytes have moved, window by window. Allocates nothing.
#pragma once

#include <algorithm>
#include <cstddef>

#include <sys/uio.h>

namespace coir::inline v0::detail::calls {

/// The bytes that an array describes; an invalid count describes none (the kernel says EINVAL).
inline std::size_t total_size(const iovec* pieces, std::size_t count) noexcept {
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += pieces[i].iov_len;
    return total;
}

class Pieces {
public:
    Pieces(const iovec* pieces, std::size_t count) noexcept : pieces_(pieces), count_(count) {}

    /// `bytes` more have moved.
    void advance(std::size_t bytes) noexcept {
        while (at_ < count_ && bytes >= pieces_[at_].iov_len - offset_) {
            bytes -= pieces_[at_].iov_len - offset_;
            offset_ = 0;
            ++at_;
        }
        offset_ += at_ < count_ ? bytes : 0;
    }
    /// The next pieces, at most `most` bytes of them: all as they are when nothing has moved yet.
    iovec* window(std::size_t& count, std::size_t most = everything) noexcept {
        if (at_ == 0 && offset_ == 0 && most == everything) {
            count = count_;
            return const_cast<iovec*>(pieces_);
        }
        count = 0;
        std::size_t skip = offset_;
        for (std::size_t i = at_; i < count_ && count < room && most > 0; ++i, skip = 0) {
            const std::size_t size = std::min(pieces_[i].iov_len - skip, most);
            window_[count++] = {static_cast<char*>(pieces_[i].iov_base) + skip, size};
            most -= size;
        }
        return window_;
    }

private:
    static constexpr std::size_t room = 16;
    static constexpr std::size_t everything = ~std::size_t{0};
    const iovec* pieces_;
    std::size_t count_;
    std::size_t at_ = 0;
    std::size_t offset_ = 0;
    iovec window_[room];
};

}  // namespace coir::inline v0::detail::calls
