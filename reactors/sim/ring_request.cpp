// SPDX-License-Identifier: BSL-1.0
// See ring_request.hpp.
#include "ring_request.hpp"

#include "kernel_ring.hpp"
#include "sim_sys.hpp"

#include <algorithm>
#include <cstring>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr unsigned always_told = POLLERR | POLLHUP | POLLNVAL;
constexpr Nanoseconds usual_lateness = std::chrono::microseconds(200);

long address(std::uint64_t value) noexcept { return static_cast<long>(value); }

}  // namespace

RingRequest::RingRequest(KernelRing& ring, const io_uring_sqe& entry, std::shared_ptr<Node> node)
    : ring_(ring), node_(std::move(node)), entry_(std::make_unique<io_uring_sqe>(entry)) {
    if (entry.opcode == IORING_OP_CONNECT) {
        std::memcpy(&address_, reinterpret_cast<const void*>(entry.addr),
                    std::min<std::size_t>(entry.off, sizeof address_));
    }
}

RingRequest::~RingRequest() { stop_watching(); }

void RingRequest::stop_watching() noexcept {
    if (watching_) node_->remove_watch(*this);
    watching_ = false;
}

void RingRequest::on_change(unsigned) noexcept {
    if (stage_ == Stage::waiting) ring_.has_work(shared_from_this());
}

bool RingRequest::is_multishot() const noexcept {
    switch (entry_->opcode) {
        case IORING_OP_ACCEPT:
            return (entry_->ioprio & IORING_ACCEPT_MULTISHOT) != 0;
        case IORING_OP_RECV:
            return (entry_->ioprio & IORING_RECV_MULTISHOT) != 0;
        case IORING_OP_POLL_ADD:
            return (entry_->len & IORING_POLL_ADD_MULTI) != 0;
        default:
            return false;
    }
}

bool RingRequest::may_be_running() const noexcept {
    return node_ && entry_->opcode != IORING_OP_POLL_ADD && !is_multishot();
}

// As in Linux 6.18: a datagram that had to wait has been read from its memory already, and what is tried
// again is nothing.
bool RingRequest::is_spent() const noexcept {
    return stage_ == Stage::waiting && node_ && node_->is_of_datagrams();
}

// What would wait does so in the kernel, but for descriptors and calls that say they must not.
bool RingRequest::waits_for(long result) const noexcept {
    if (!node_) return false;
    switch (entry_->opcode) {
        case IORING_OP_POLL_ADD:
            return result == 0;
        case IORING_OP_CONNECT:
            if (result != -EINPROGRESS && result != -EALREADY) return false;
            return node_->blocks() || ring_.profile().connect_waits;
        case IORING_OP_RECV:
        case IORING_OP_SEND:
        case IORING_OP_RECVMSG:
        case IORING_OP_SENDMSG:
            if ((entry_->msg_flags & MSG_DONTWAIT) != 0) return false;
            break;
        default:
            break;
    }
    return result == -EAGAIN && (node_->blocks() || is_multishot());
}

void RingRequest::go_on() {
    if (stage_ == Stage::over) return;
    if (stage_ == Stage::decided) return tell();
    if (entry_->opcode == IORING_OP_TIMEOUT) return sleep();
    if (is_multishot()) return make_many();
    World& world = ring_.world();
    if (stage_ == Stage::waiting && may_be_running() &&
        world.choices.chance(Site::spurious, world.faults.spurious / 8)) {
        return decide(-EINTR);  // a signal of the process
    }
    unsigned flags = 0;
    ring_.open_guard(entry_->user_data);
    const long result = make(flags);
    ring_.close_guard(entry_->user_data);
    if (waits_for(result)) return wait();
    decide(static_cast<std::int32_t>(result), flags);
}

void RingRequest::make_many() {
    for (;;) {
        unsigned flags = 0;
        const long result = make(flags);
        if (waits_for(result)) return wait();
        World& world = ring_.world();
        const bool last = result < 0 || (result == 0 && entry_->opcode == IORING_OP_RECV) ||
                          ring_.is_full() ||
                          world.choices.chance(Site::ring_more, world.faults.multishot_ends);
        if (last) return decide(static_cast<std::int32_t>(result), flags);
        ring_.post(entry_->user_data, static_cast<std::int32_t>(result), flags | IORING_CQE_F_MORE);
        if (entry_->opcode == IORING_OP_POLL_ADD) return wait();  // an edge
    }
}

void RingRequest::wait() {
    stage_ = Stage::waiting;
    if (!watching_) node_->add_watch(*this);
    watching_ = true;
}

void RingRequest::sleep() {
    if (stage_ == Stage::waiting) return decide(-ETIME);
    stage_ = Stage::waiting;
    const auto& length = *reinterpret_cast<const __kernel_timespec*>(entry_->addr);
    const Nanoseconds delay = std::chrono::seconds(length.tv_sec) + Nanoseconds(length.tv_nsec);
    ring_.world().after(delay, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->stage_ == Stage::waiting) self->ring_.has_work(self);
    });
}

void RingRequest::decide(std::int32_t result, unsigned flags) {
    stop_watching();
    stage_ = Stage::decided;
    result_ = result;
    flags_ = flags;
    World& world = ring_.world();
    if (!world.choices.chance(Site::ring_late, world.faults.late)) return tell();
    world.after(world.choices.delay(Site::ring_late, usual_lateness), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->stage_ == Stage::decided) self->ring_.has_work(self);
    });
}

void RingRequest::tell() {
    stage_ = Stage::over;
    const bool silent = (entry_->flags & IOSQE_CQE_SKIP_SUCCESS) != 0 && result_ >= 0;
    if (!silent) ring_.post(entry_->user_data, result_, flags_);
    ring_.drop(*this);
}

void RingRequest::abandon() noexcept {
    stage_ = Stage::over;
    stop_watching();
}

// --- What is asked for --------------------------------------------------------------------------

long RingRequest::make(unsigned& flags) {
    switch (entry_->opcode) {
        case IORING_OP_NOP:
            return 0;
        case IORING_OP_POLL_ADD:
            return poll();
        case IORING_OP_CONNECT:
            return connect();
        case IORING_OP_RECV:
            if ((entry_->flags & IOSQE_BUFFER_SELECT) != 0) return receive_into_group(flags);
            return make_call();
        default:
            return make_call();
    }
}

long RingRequest::poll() noexcept {
    if (!node_) return ring_.sys().poll_file(entry_->fd, entry_->poll32_events);
    // RDHUP is told whether it was asked for or not.
    return node_->events() & (entry_->poll32_events | always_told | POLLRDHUP);
}

long RingRequest::connect() {
    const long result = ring_.sys().from_kernel(node_.get(), SYS_connect, entry_->fd,
                                                reinterpret_cast<long>(&address_),
                                                address(entry_->off), 0, 0);
    if (result == -EISCONN && connecting_) return 0;
    connecting_ = connecting_ || result == -EINPROGRESS;
    return result;
}

long RingRequest::receive_into_group(unsigned& flags) {
    std::size_t size = 0;
    unsigned id = 0;
    if (node_ && (node_->events() & (POLLIN | POLLHUP | POLLERR | POLLRDHUP)) == 0) return -EAGAIN;
    void* buffer = ring_.peek_buffer(size, id);
    if (!buffer) return -ENOBUFS;
    const long result =
        ring_.sys().from_kernel(node_.get(), SYS_recvfrom, entry_->fd, reinterpret_cast<long>(buffer),
                                static_cast<long>(size), static_cast<long>(entry_->msg_flags), 0);
    if (result <= 0) return result;
    ring_.take_buffer();
    flags = IORING_CQE_F_BUFFER | id << IORING_CQE_BUFFER_SHIFT;
    return result;
}

long RingRequest::make_call() {
    const long fd = entry_->fd;
    const long at = address(entry_->addr);
    const long size = static_cast<long>(entry_->len);
    const long flags = static_cast<long>(entry_->msg_flags);
    const bool here = entry_->off == ~std::uint64_t{0};
    const long offset = address(entry_->off);
    const auto call = [this, fd](long number, long b, long c, long d = 0, long e = 0) {
        return ring_.sys().from_kernel(node_.get(), number, fd, b, c, d, e);
    };
    switch (entry_->opcode) {
        case IORING_OP_RECV:
            return call(SYS_recvfrom, at, size, flags);
        case IORING_OP_SEND:
            return call(SYS_sendto, at, is_spent() ? 0 : size, flags);
        case IORING_OP_RECVMSG:
            return call(SYS_recvmsg, at, flags);
        case IORING_OP_SENDMSG: {
            msghdr message = *reinterpret_cast<const msghdr*>(entry_->addr);
            if (is_spent()) message.msg_iovlen = 0;
            return call(SYS_sendmsg, reinterpret_cast<long>(&message), flags);
        }
        case IORING_OP_READ:
            return here ? call(SYS_read, at, size) : call(SYS_pread64, at, size, offset);
        case IORING_OP_WRITE:
            return here ? call(SYS_write, at, size) : call(SYS_pwrite64, at, size, offset);
        case IORING_OP_READV:
            return here ? call(SYS_readv, at, size) : call(SYS_preadv, at, size, offset);
        case IORING_OP_WRITEV:
            return here ? call(SYS_writev, at, size) : call(SYS_pwritev, at, size, offset);
        case IORING_OP_ACCEPT:
            return call(SYS_accept4, at, address(entry_->addr2), static_cast<long>(entry_->accept_flags));
        case IORING_OP_SHUTDOWN:
            return call(SYS_shutdown, size, 0);
        case IORING_OP_CLOSE:
            return call(SYS_close, 0, 0);
        case IORING_OP_OPENAT:
            return call(SYS_openat, at, static_cast<long>(entry_->open_flags), size);
        case IORING_OP_FSYNC:
            return call((entry_->fsync_flags & IORING_FSYNC_DATASYNC) != 0 ? SYS_fdatasync : SYS_fsync,
                        0, 0);
        case IORING_OP_STATX:
            return call(SYS_statx, at, static_cast<long>(entry_->statx_flags), size, offset);
        default:
            return -EINVAL;
    }
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
