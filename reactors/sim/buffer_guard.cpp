// SPDX-License-Identifier: BSL-1.0
// See buffer_guard.hpp.
#include "buffer_guard.hpp"

#include <algorithm>
#include <cstring>

#if COIR_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if COIR_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// Of larger ones the beginning and the end are looked at.
constexpr std::size_t most_of_an_end = 4096;

__attribute__((no_sanitize("address"))) std::uint64_t mixed(std::uint64_t hash, const void* data,
                                                    std::size_t size) noexcept {
    const auto* bytes = static_cast<const volatile unsigned char*>(data);
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        // By hand: memcpy would be checked by AddressSanitizer.
        std::uint64_t word = 0;
        std::uint64_t address = 0;
        static_assert(sizeof address == sizeof bytes);
        address = reinterpret_cast<std::uintptr_t>(bytes) + i;
        if (address % 8 == 0) {
            word = *reinterpret_cast<const volatile std::uint64_t*>(address);
        } else {
            for (std::size_t k = 0; k < 8; ++k) word |= std::uint64_t{bytes[i + k]} << (8 * k);
        }
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    for (; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001B3u;
    return hash;
}

}  // namespace

std::uint64_t BufferGuard::hash() const noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const iovec& piece : pieces_) {
        const std::size_t head = std::min(piece.iov_len, most_of_an_end);
        hash = mixed(hash, piece.iov_base, head);
        const std::size_t tail = std::min(piece.iov_len - head, most_of_an_end);
        if (tail > 0) {
            hash = mixed(hash, static_cast<const char*>(piece.iov_base) + piece.iov_len - tail, tail);
        }
    }
#if COIR_HAVE_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(&hash, sizeof hash);  // of whatever is there
#endif
    return hash;
}

void BufferGuard::close(Pieces pieces, bool kernel_writes) {
    pieces_.assign(pieces.begin(), pieces.end());
    hash_ = hash();
    kernel_writes_ = kernel_writes;
    closed_ = true;
#if COIR_ASAN
    for (const iovec& piece : pieces_) {
        if (kernel_writes_) __asan_poison_memory_region(piece.iov_base, piece.iov_len);
    }
#endif
}

bool BufferGuard::open() noexcept {
    if (!closed_) return true;
    closed_ = false;
    const bool untouched = hash() == hash_;
#if COIR_ASAN
    for (const iovec& piece : pieces_) {
        if (kernel_writes_) __asan_unpoison_memory_region(piece.iov_base, piece.iov_len);
    }
#endif
    return untouched;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
