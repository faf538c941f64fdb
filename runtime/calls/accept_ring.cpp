// SPDX-License-Identifier: BSL-1.0
// See accept_ring.hpp.
//
// A ring of its own, for the whole process: it is there for one property of one operation. Each call
// submits one request and takes its completion, which is there when the system call returns, because
// the request does not wait. Other threads wait that long.
#include "accept_ring.hpp"

#include "small_ring.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>

#ifndef IORING_ACCEPT_DONTWAIT
#define IORING_ACCEPT_DONTWAIT (1U << 1)
#endif

namespace coir::inline v0::detail::calls {
namespace {

using coir::detail::Sys;

enum class State : std::uint8_t { untried, usable, unusable };

constinit SmallRing ring;
constinit State state = State::untried;
constinit std::atomic_flag busy;

long accept_by_ring(Sys& sys, int fd, sockaddr* address, socklen_t* length, int flags) noexcept {
    io_uring_sqe& entry = ring.blank();
    entry.opcode = IORING_OP_ACCEPT;
    entry.ioprio = IORING_ACCEPT_DONTWAIT;
    entry.fd = fd;
    entry.addr = reinterpret_cast<std::uintptr_t>(address);
    entry.addr2 = reinterpret_cast<std::uintptr_t>(length);
    entry.accept_flags = static_cast<std::uint32_t>(flags);
    if (!ring.submit(sys)) return -ENOSYS;
    return ring.wait(sys);
}

// What the kernel can do is found out by doing it: nobody connects to this listener. Without the flag
// the request would wait for ever; a kernel that does not know it refuses it.
bool try_out(Sys& sys) noexcept {
    if (!ring.open(sys)) return false;
    const long listener = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sa_family_t any = AF_UNIX;
    const bool good = listener >= 0 && sys(SYS_bind, listener, &any, sizeof any) == 0 &&
                      sys(SYS_listen, listener, 1) == 0 &&
                      accept_by_ring(sys, static_cast<int>(listener), nullptr, nullptr, 0) == -EAGAIN;
    if (listener >= 0) sys.close(static_cast<int>(listener));
    if (!good) ring.close(sys);
    return good;
}

}  // namespace

long accept_without_waiting(Sys& sys, int fd, sockaddr* address, socklen_t* length,
                            int flags) noexcept {
    while (busy.test_and_set(std::memory_order_acquire)) coir::detail::real_sys()(SYS_sched_yield);
    if (state == State::untried) {
        state = try_out(coir::detail::real_sys()) ? State::usable : State::unusable;
    }
    const long result = state == State::usable ? accept_by_ring(sys, fd, address, length, flags)
                                               : -ENOSYS;
    busy.clear(std::memory_order_release);
    return result;
}

}  // namespace coir::inline v0::detail::calls
