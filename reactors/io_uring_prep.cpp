// SPDX-License-Identifier: BSL-1.0
// From an Operation to a submission entry.
//
// Facts about io_uring:
// - `poll32_events` has its halves swapped on big-endian machines.
// - A length is 32 bits; the kernel moves at most 0x7ffff000 bytes per call anyway.
// - A poll is also answered when only POLLRDHUP is true, whether that was asked for or not.
// - A poll for POLLPRI alone is not woken: the kernel takes this bit for one of its own. Sockets wake
//   for POLLRDBAND in the same moment.
// - Offset -1 means "the file position", for files, and is what sockets and pipes need.
// - A path, an iovec array or a msghdr may go once the entry is submitted, a buffer only after the
//   completion. coir keeps all of them until the completion.
#include "io_uring_ring.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t most_in_entry = 0x7ffff000;

std::uint64_t address_of(const void* pointer) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

std::uint32_t length_of(std::size_t size) noexcept {
    return static_cast<std::uint32_t>(std::min(size, most_in_entry));
}

void start(io_uring_sqe& sqe, io_uring_op opcode, int fd, std::uint64_t token) noexcept {
    std::memset(&sqe, 0, sizeof sqe);
    sqe.opcode = static_cast<std::uint8_t>(opcode);
    sqe.fd = fd;
    sqe.user_data = token;
}

void start_transfer(io_uring_sqe& sqe, io_uring_op opcode, const Operation& operation,
                    std::uint64_t token) noexcept {
    start(sqe, opcode, operation.fd, token);
    sqe.addr = address_of(operation.buffer);
    sqe.len = length_of(operation.size);
}

void start_file(io_uring_sqe& sqe, io_uring_op opcode, const Operation& operation,
                std::uint64_t token) noexcept {
    start_transfer(sqe, opcode, operation, token);
    sqe.off = operation.offset;
}

void start_message(io_uring_sqe& sqe, io_uring_op opcode, const Operation& operation,
                   std::uint32_t flags, std::uint64_t token) noexcept {
    start(sqe, opcode, operation.fd, token);
    sqe.addr = address_of(operation.buffer);
    sqe.len = 1;
    sqe.msg_flags = flags;
}

}  // namespace

void prepare_nothing(io_uring_sqe& sqe, std::uint64_t token) noexcept {
    start(sqe, IORING_OP_NOP, -1, token);
}

void prepare_poll(io_uring_sqe& sqe, int fd, unsigned events, unsigned poll_flags,
                  std::uint64_t token) noexcept {
    start(sqe, IORING_OP_POLL_ADD, fd, token);
    sqe.len = poll_flags;
    if (events & POLLPRI) events |= POLLRDBAND;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    events = events << 16 | events >> 16;
#endif
    sqe.poll32_events = events;
}

void prepare_cancel(io_uring_sqe& sqe, std::uint64_t target, bool skip_success) noexcept {
    start(sqe, IORING_OP_ASYNC_CANCEL, -1, 0);
    sqe.addr = target;
    if (skip_success) sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
}

void prepare_rest(io_uring_sqe& sqe, unsigned step, std::uint64_t token) noexcept {
    // Copied by the kernel on submission.
    static constexpr __kernel_timespec pauses[] = {
        {0, 1'000'000}, {0, 2'000'000}, {0, 4'000'000}, {0, 8'000'000}, {0, 16'000'000}};
    start(sqe, IORING_OP_TIMEOUT, -1, token);
    sqe.addr = address_of(&pauses[std::min<std::size_t>(step, std::size(pauses) - 1)]);
    sqe.len = 1;
}

void prepare(io_uring_sqe& sqe, const Operation& op, std::uint64_t token) noexcept {
    switch (op.code) {
        case OpCode::recv:
        case OpCode::send:
            return prepare_message(sqe, op, token);
        case OpCode::read:
            return start_file(sqe, IORING_OP_READ, op, token);
        case OpCode::write:
            return start_file(sqe, IORING_OP_WRITE, op, token);
        case OpCode::readv:
            return start_file(sqe, IORING_OP_READV, op, token);
        case OpCode::writev:
            return start_file(sqe, IORING_OP_WRITEV, op, token);
        case OpCode::recvmsg:
            return start_message(sqe, IORING_OP_RECVMSG, op, op.flags, token);
        case OpCode::sendmsg:
            return start_message(sqe, IORING_OP_SENDMSG, op, send_flags(op), token);
        case OpCode::accept:
            start(sqe, IORING_OP_ACCEPT, op.fd, token);
            sqe.addr = address_of(op.address);
            sqe.addr2 = address_of(op.address_size);
            sqe.accept_flags = op.flags | SOCK_CLOEXEC;
            return;
        case OpCode::connect:
            start(sqe, IORING_OP_CONNECT, op.fd, token);
            sqe.addr = address_of(op.address);
            sqe.off = op.address_length;
            return;
        case OpCode::shutdown:
            start(sqe, IORING_OP_SHUTDOWN, op.fd, token);
            sqe.len = op.flags;
            return;
        case OpCode::close:
            return start(sqe, IORING_OP_CLOSE, op.fd, token);
        case OpCode::open:
            start(sqe, IORING_OP_OPENAT, op.fd, token);
            sqe.addr = address_of(op.buffer);
            sqe.len = static_cast<std::uint32_t>(op.size);
            sqe.open_flags = op.flags | O_CLOEXEC;
            return;
        case OpCode::fsync:
            start(sqe, IORING_OP_FSYNC, op.fd, token);
            sqe.fsync_flags = op.flags & 1 ? IORING_FSYNC_DATASYNC : 0;
            return;
        case OpCode::stat:
            start(sqe, IORING_OP_STATX, op.fd, token);
            sqe.addr = address_of(op.buffer);
            sqe.off = address_of(op.address);
            sqe.len = static_cast<std::uint32_t>(op.size);
            sqe.statx_flags = op.flags;
            return;
        case OpCode::poll:
            return prepare_poll(sqe, op.fd, op.flags, 0, token);
        case OpCode::nop:
        case OpCode::count_:
            break;
    }
    prepare_nothing(sqe, token);
}

void prepare(io_uring_sqe& sqe, const MultiOperation& op, std::uint64_t token) noexcept {
    switch (op.code) {
        case OpCode::accept:
            start(sqe, IORING_OP_ACCEPT, op.fd, token);
            sqe.ioprio = IORING_ACCEPT_MULTISHOT;
            sqe.accept_flags = op.flags | SOCK_CLOEXEC;
            return;
        case OpCode::recv:
            start(sqe, IORING_OP_RECV, op.fd, token);
            sqe.ioprio = IORING_RECV_MULTISHOT;
            sqe.flags = IOSQE_BUFFER_SELECT;
            sqe.buf_group = LeasedBuffers::group;
            sqe.msg_flags = op.flags;
            return;
        default:
            return prepare_poll(sqe, op.fd, op.flags, IORING_POLL_ADD_MULTI, token);
    }
}

std::int32_t asked_for(std::int32_t result, std::uint32_t flags) noexcept {
    constexpr std::uint32_t unasked = POLLERR | POLLHUP | POLLNVAL;
    if (result < 0) return result;
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(result) & (flags | unasked));
}

unsigned readiness_of(OpCode code, std::uint32_t flags) noexcept {
    switch (code) {
        case OpCode::recv:
        case OpCode::recvmsg:
            return flags & MSG_OOB ? POLLPRI : POLLIN;
        case OpCode::read:
        case OpCode::readv:
        case OpCode::accept:
            return POLLIN;
        case OpCode::send:
        case OpCode::sendmsg:
        case OpCode::write:
        case OpCode::writev:
        case OpCode::connect:
            return POLLOUT;
        default:
            return 0;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
