// SPDX-License-Identifier: BSL-1.0
// Address ranges that one simulation has given back, for the next one: mapping the stacks of tasks, and
// touching their pages for the first time, would take longer than a short simulation itself.
#pragma once

#include <coir/detail/config.hpp>

#include <cstddef>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class MemoryCache {
public:
    MemoryCache() = default;
    MemoryCache(const MemoryCache&) = delete;
    MemoryCache& operator=(const MemoryCache&) = delete;
    ~MemoryCache();

    /// mmap(2) of anonymous memory: a range that was given back, readable and writable without
    /// guards, or a new one. Its contents are arbitrary.
    long map(long size, long protection, long flags) noexcept;
    /// munmap(2); false: it is none of map()'s.
    bool unmap(long address, long size) noexcept;
    bool owns(long address) const noexcept;

private:
    struct Range {
        long address;
        long size;
        long flags;
    };
    std::vector<Range> used_;
    std::vector<Range> spare_;
};

/// This thread's.
MemoryCache& memory_cache() noexcept;

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
