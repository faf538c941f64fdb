// SPDX-License-Identifier: BSL-1.0
// The oracle of buffers: from the moment the kernel has a request until its completion, its memory
// is the kernel's. Who writes there, or frees it, ends the program with a line that says so.
//
// What has been touched shows when the kernel looks at it again. In builds with AddressSanitizer the
// memory that will be received into is poisoned, so that touching it is reported where it happens.
#pragma once

#include "node.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class BufferGuard {
public:
    BufferGuard() = default;
    BufferGuard(const BufferGuard&) = delete;
    BufferGuard& operator=(const BufferGuard&) = delete;
    ~BufferGuard() { open(); }

    /// These are the kernel's from now on. `kernel_writes`: a receive's.
    void close(Pieces pieces, bool kernel_writes);
    /// Whether they are as they were; makes them usable. False: somebody has touched them.
    bool open() noexcept;
    bool is_closed() const noexcept { return closed_; }
    std::size_t size() const noexcept { return total_size(pieces_); }

private:
    std::uint64_t hash() const noexcept;

    std::vector<iovec> pieces_;
    std::uint64_t hash_ = 0;
    bool kernel_writes_ = false;
    bool closed_ = false;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
