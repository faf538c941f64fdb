// SPDX-License-Identifier: BSL-1.0
// See memory_cache.hpp.
#include "memory_cache.hpp"

#include <coir/detail/sys.hpp>

#include <algorithm>
#include <new>

#include <sys/mman.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t most_spare = 16;
// Linux 6.13; the headers that we build with may be older.
constexpr int madv_guard_remove = 103;

thread_local MemoryCache cache_here;

}  // namespace

MemoryCache& memory_cache() noexcept { return cache_here; }

MemoryCache::~MemoryCache() {
    for (const Range& range : spare_) real_sys()(SYS_munmap, range.address, range.size);
}

long MemoryCache::map(long size, long protection, long flags) noexcept {
    const auto at = std::find_if(spare_.begin(), spare_.end(), [&](const Range& range) {
        return range.size == size && range.flags == flags;
    });
    long address = 0;
    if (at != spare_.end()) {
        address = at->address;
        spare_.erase(at);
        // Guards that others have made there, by either way.
        real_sys()(SYS_madvise, address, size, madv_guard_remove);
        real_sys()(SYS_mprotect, address, size, protection);
    } else {
        address = real_sys()(SYS_mmap, 0L, size, protection, flags, -1L, 0L);
        if (address < 0) return address;
    }
    try {
        used_.push_back({address, size, flags});
        spare_.reserve(most_spare);
    } catch (const std::bad_alloc&) {
        std::erase_if(used_, [&](const Range& range) { return range.address == address; });
    }
    return address;
}

bool MemoryCache::unmap(long address, long size) noexcept {
    const auto at = std::find_if(used_.begin(), used_.end(), [&](const Range& range) {
        return range.address == address && range.size == size;
    });
    if (at == used_.end()) return false;
    const Range range = *at;
    used_.erase(at);
    if (spare_.size() < most_spare && spare_.capacity() >= most_spare) {
        spare_.push_back(range);
    } else {
        real_sys()(SYS_munmap, address, size);
    }
    return true;
}

bool MemoryCache::owns(long address) const noexcept {
    return std::any_of(used_.begin(), used_.end(), [&](const Range& range) {
        return address >= range.address && address - range.address < range.size;
    });
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
