// SPDX-License-Identifier: BSL-1.0
// See accept_ring.hpp.
//
// A ring of its own, for the whole process, with room for a few requests: it is there for one
// property of one operation. Each call submits one request and takes its completion, which is there
// when the system call returns, because the request does not wait. Other threads wait that long.
#include "accept_ring.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>

#ifndef IORING_ACCEPT_DONTWAIT
#define IORING_ACCEPT_DONTWAIT (1U << 1)
#endif

namespace coir::inline v0::detail::calls {
namespace {

using coir::detail::Sys;

// Low numbers are for the program: select() cannot take others.
constexpr int first_number = 1000;

enum class State : std::uint8_t { untried, usable, unusable };

class AcceptRing {
public:
    bool open(Sys& sys) noexcept;
    long accept(Sys& sys, int fd, sockaddr* address, socklen_t* length, int flags) noexcept;
    State state = State::untried;

private:
    unsigned* word(std::uint32_t offset) noexcept {
        return reinterpret_cast<unsigned*>(rings_ + offset);
    }
    long map(Sys& sys, std::size_t size, std::uint64_t offset) noexcept {
        return sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                   offset);
    }

    int fd_ = -1;
    char* rings_ = nullptr;
    io_uring_sqe* entries_ = nullptr;
    io_uring_params parameters_{};
};

bool AcceptRing::open(Sys& sys) noexcept {
    const long made = sys(SYS_io_uring_setup, 2, &parameters_);
    if (made < 0) return false;
    const long moved = sys.fcntl(static_cast<int>(made), F_DUPFD_CLOEXEC, first_number);
    fd_ = static_cast<int>(moved >= 0 ? moved : made);
    if (moved >= 0) sys.close(static_cast<int>(made));
    const auto& cq = parameters_.cq_off;
    const auto& sq = parameters_.sq_off;
    const std::size_t size = std::size_t{cq.cqes} + parameters_.cq_entries * sizeof(io_uring_cqe) +
                             sq.array + parameters_.sq_entries * sizeof(unsigned);
    long rings = -1;
    long entries = -1;
    if ((parameters_.features & IORING_FEAT_SINGLE_MMAP) != 0) {
        rings = map(sys, size, IORING_OFF_SQ_RING);
        entries = map(sys, parameters_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    }
    if (rings < 0 || entries < 0) {
        if (rings > 0) sys(SYS_munmap, rings, size);
        sys.close(fd_);
        return false;
    }
    rings_ = reinterpret_cast<char*>(rings);
    entries_ = reinterpret_cast<io_uring_sqe*>(entries);
    // What the kernel can do is found out by doing it: nobody connects to this listener.
    const long listener = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sa_family_t any = AF_UNIX;
    bool good = listener >= 0 && sys(SYS_bind, listener, &any, sizeof any) == 0 &&
                sys(SYS_listen, listener, 1) == 0;
    // Without the flag the request would wait for ever; a kernel that does not know it refuses it.
    good = good && accept(sys, static_cast<int>(listener), nullptr, nullptr, 0) == -EAGAIN;
    if (listener >= 0) sys.close(static_cast<int>(listener));
    if (!good) {
        sys(SYS_munmap, rings, size);
        sys(SYS_munmap, entries, parameters_.sq_entries * sizeof(io_uring_sqe));
        sys.close(fd_);
    }
    return good;
}

long AcceptRing::accept(Sys& sys, int fd, sockaddr* address, socklen_t* length,
                        int flags) noexcept {
    io_uring_sqe& entry = entries_[0];
    std::memset(&entry, 0, sizeof entry);
    entry.opcode = IORING_OP_ACCEPT;
    entry.ioprio = IORING_ACCEPT_DONTWAIT;
    entry.fd = fd;
    entry.addr = reinterpret_cast<std::uintptr_t>(address);
    entry.addr2 = reinterpret_cast<std::uintptr_t>(length);
    entry.accept_flags = static_cast<std::uint32_t>(flags);
    const unsigned tail = *word(parameters_.sq_off.tail);
    word(parameters_.sq_off.array)[tail & *word(parameters_.sq_off.ring_mask)] = 0;
    __atomic_store_n(word(parameters_.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    const unsigned head = *word(parameters_.cq_off.head);
    unsigned to_submit = 1;
    while (__atomic_load_n(word(parameters_.cq_off.tail), __ATOMIC_ACQUIRE) == head) {
        const long taken = sys(SYS_io_uring_enter, fd_, to_submit, to_submit == 0 ? 1 : 0,
                               IORING_ENTER_GETEVENTS, nullptr, 0);
        if (taken > 0) to_submit = 0;
        if (taken == -EINTR || (taken >= 0 && to_submit == 0)) continue;
        // It was not taken: withdraw it.
        __atomic_store_n(word(parameters_.sq_off.tail), tail, __ATOMIC_RELEASE);
        return -ENOSYS;
    }
    const auto* completions =
        reinterpret_cast<const io_uring_cqe*>(rings_ + parameters_.cq_off.cqes);
    const long result = completions[head & *word(parameters_.cq_off.ring_mask)].res;
    __atomic_store_n(word(parameters_.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return result;
}

constinit AcceptRing ring;
constinit std::atomic_flag busy;

}  // namespace

long accept_without_waiting(Sys& sys, int fd, sockaddr* address, socklen_t* length,
                            int flags) noexcept {
    while (busy.test_and_set(std::memory_order_acquire)) coir::detail::real_sys()(SYS_sched_yield);
    if (ring.state == State::untried) {
        ring.state = ring.open(coir::detail::real_sys()) ? State::usable : State::unusable;
    }
    const long result = ring.state == State::usable
                            ? ring.accept(sys, fd, address, length, flags)
                            : -ENOSYS;
    busy.clear(std::memory_order_release);
    return result;
}

}  // namespace coir::inline v0::detail::calls
