// SPDX-License-Identifier: BSL-1.0
// The calls of a loop that runs on a simulated io_uring. See sim_sys.hpp and kernel_ring.hpp.
#include "sim_sys.hpp"

#include "kernel_ring.hpp"

#include <cstring>
#include <utility>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

struct SimSys::RingParts {
    RingProfile profile;
    RingWaker* waker;
    InFlight* in_flight;
    std::shared_ptr<KernelRing> ring;  // once it is set up
};

SimSys::SimSys(World& world) : world_(world), thread_(&this_thread) {}
SimSys::~SimSys() { world_.jobs.forget(*this); }

void SimSys::set_ring(const RingProfile& profile, RingWaker& waker, InFlight& in_flight) {
    ring_ = std::make_unique<RingParts>(RingParts{profile, &waker, &in_flight, nullptr});
}

bool SimSys::take_deadlock() noexcept { return ring_ && ring_->ring && ring_->ring->take_deadlock(); }

// One ring at a time: a loop has no more.
long SimSys::on_ring(const Arguments& call) {
    if (!ring_) return -ENOSYS;
    if (call.number == SYS_io_uring_setup) {
        auto ring = std::make_shared<KernelRing>(*this, ring_->profile, *ring_->waker,
                                                 *ring_->in_flight);
        const long error = ring->set_up(static_cast<unsigned>(call.a),
                                        *reinterpret_cast<io_uring_params*>(call.b));
        if (error < 0) return error;
        ring_->ring = ring;
        return world_.descriptors.add(std::move(ring), true);
    }
    KernelRing* const ring = ring_->ring.get();
    const bool registered = call.number == SYS_io_uring_enter &&
                            (call.d & IORING_ENTER_REGISTERED_RING) != 0;
    const bool is_it = ring && (registered ? call.a == registered_ring
                                           : world_.descriptors.find(call.fd()) == ring);
    if (!is_it) return -EBADF;
    if (call.number == SYS_io_uring_register) {
        return ring->control(static_cast<unsigned>(call.b), reinterpret_cast<void*>(call.c),
                             static_cast<unsigned>(call.d));
    }
    ++world_.calls;
    const long result = ring->enter(static_cast<unsigned>(call.b), static_cast<unsigned>(call.c),
                                    static_cast<unsigned>(call.d),
                                    reinterpret_cast<const void*>(call.e));
    world_.choices.mix(static_cast<std::uint64_t>(call.number) * 65536 +
                       static_cast<std::uint64_t>(result));
    return result;
}

// The queues are the ring's own memory, and stay there as long as it does.
bool SimSys::on_ring_memory(const Arguments& call, long& result) {
    KernelRing* const ring = ring_->ring.get();
    if (!ring) return false;
    switch (call.number) {
        case SYS_mmap:
            if (call.e < 0 || world_.descriptors.find(static_cast<int>(call.e)) != ring) return false;
            result = ring->map(static_cast<std::size_t>(call.b), static_cast<std::uint64_t>(call.f));
            return true;
        case SYS_munmap:
        case SYS_madvise:
            result = 0;
            return ring->owns(call.a);
        default:
            return false;
    }
}

long SimSys::from_kernel(Node* node, long number, long fd, long b, long c, long d, long e) noexcept {
    const bool before = std::exchange(for_kernel_, true);
    const Arguments call{number, fd, b, c, d, e, 0};
    long result = 0;
    if (node && number != SYS_close) {
        ++world_.calls;
        result = in_world(call, *node);
        note(number, result);
        trace(call, result);
    } else {
        result = this->call(number, fd, b, c, d, e, 0);
    }
    for_kernel_ = before;
    return result;
}

long SimSys::poll_file(int fd, unsigned events) noexcept {
    pollfd one{fd, static_cast<short>(events & 0xffff), 0};
    const timespec zero{0, 0};
    (*this)(SYS_ppoll, &one, 1, &zero, nullptr, 0);
    if ((one.revents & POLLNVAL) != 0) return -EBADF;
    return one.revents;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
