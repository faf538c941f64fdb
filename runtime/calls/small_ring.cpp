// SPDX-License-Identifier: BSL-1.0
// See small_ring.hpp.
#include "small_ring.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>

namespace coir::inline v0::detail::calls {
namespace {

// Low numbers are for the program: select() cannot take others.
constexpr int first_number = 1000;

}  // namespace

long SmallRing::map(Sys& sys, std::size_t size, std::uint64_t offset) noexcept {
    return sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
}

bool SmallRing::open(Sys& sys) noexcept {
    parameters_ = io_uring_params{};
    const long made = sys(SYS_io_uring_setup, 2, &parameters_);
    if (made < 0) return false;
    const long moved = sys.fcntl(static_cast<int>(made), F_DUPFD_CLOEXEC, first_number);
    fd_ = static_cast<int>(moved >= 0 ? moved : made);
    if (moved >= 0) sys.close(static_cast<int>(made));
    const auto& cq = parameters_.cq_off;
    const auto& sq = parameters_.sq_off;
    size_ = std::size_t{cq.cqes} + parameters_.cq_entries * sizeof(io_uring_cqe) + sq.array +
            parameters_.sq_entries * sizeof(unsigned);
    long rings = -1;
    long entries = -1;
    if ((parameters_.features & IORING_FEAT_SINGLE_MMAP) != 0) {
        rings = map(sys, size_, IORING_OFF_SQ_RING);
        entries = map(sys, entries_size(), IORING_OFF_SQES);
    }
    rings_ = rings < 0 ? nullptr : reinterpret_cast<char*>(rings);
    entries_ = entries < 0 ? nullptr : reinterpret_cast<io_uring_sqe*>(entries);
    if (rings_ && entries_) return true;
    close(sys);
    return false;
}

void SmallRing::close(Sys& sys) noexcept {
    if (rings_) sys(SYS_munmap, rings_, size_);
    if (entries_) sys(SYS_munmap, entries_, entries_size());
    rings_ = nullptr;
    entries_ = nullptr;
    if (fd_ >= 0) sys.close(fd_);
    fd_ = -1;
}

io_uring_sqe& SmallRing::blank() noexcept {
    std::memset(entries_, 0, sizeof *entries_);
    return *entries_;
}

bool SmallRing::submit(Sys& sys) noexcept {
    const unsigned tail = *word(parameters_.sq_off.tail);
    word(parameters_.sq_off.array)[tail & *word(parameters_.sq_off.ring_mask)] = 0;
    __atomic_store_n(word(parameters_.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    long taken;
    do {
        taken = sys(SYS_io_uring_enter, fd_, 1, 0, IORING_ENTER_GETEVENTS, nullptr, 0);
    } while (taken == -EINTR);
    if (taken > 0) return true;
    __atomic_store_n(word(parameters_.sq_off.tail), tail, __ATOMIC_RELEASE);
    return false;
}

bool SmallRing::take(long& result) noexcept {
    const unsigned head = *word(parameters_.cq_off.head);
    if (__atomic_load_n(word(parameters_.cq_off.tail), __ATOMIC_ACQUIRE) == head) return false;
    const auto* completions =
        reinterpret_cast<const io_uring_cqe*>(rings_ + parameters_.cq_off.cqes);
    result = completions[head & *word(parameters_.cq_off.ring_mask)].res;
    __atomic_store_n(word(parameters_.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return true;
}

long SmallRing::wait(Sys& sys) noexcept {
    long result = 0;
    while (!take(result)) {
        sys(SYS_io_uring_enter, fd_, 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    }
    return result;
}

}  // namespace coir::inline v0::detail::calls
