// SPDX-License-Identifier: BSL-1.0
// Socket.
#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <coir/socket.hpp>

#include "datagram.hpp"
#include "fd_passing.hpp"
#include "file_sender.hpp"
#include "socket_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

namespace {

constexpr std::size_t most_in_transfer = std::size_t{1} << 30;

}  // namespace
}  // namespace detail

Socket::Socket(Fd fd)
    : state_(detail::adopt_socket(detail::running_scheduler("Socket"), std::move(fd), false)
                 .release()) {}

Socket Socket::create(int family, int type, int protocol) {
    detail::Scheduler& scheduler = detail::running_scheduler("Socket::create");
    return Socket(detail::make_socket(scheduler, family, type, protocol).release());
}

Socket::~Socket() { detail::drop_socket(state_); }

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        detail::drop_socket(std::exchange(state_, std::exchange(other.state_, nullptr)));
    }
    return *this;
}

detail::SocketState& Socket::open_state(const char* call) const {
    if (!state_ || !state_->is_open()) detail::throw_io(-EBADF, call, -1, "the socket is closed");
    return *state_;
}

std::size_t Socket::receive(void* into, std::size_t size, int flags) {
    detail::SocketState& state = open_state("recv");
    constexpr int as_it_is = MSG_PEEK | MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE;
    if ((flags & MSG_WAITALL) != 0 && (flags & as_it_is) == 0 && state.type() == SOCK_STREAM) {
        return receive_all(into, size, flags & ~MSG_WAITALL);
    }
    detail::TaskOperation operation;
    operation.code = OpCode::recv;
    operation.buffer = into;
    operation.size = std::min(size, detail::most_in_transfer);
    operation.flags = static_cast<std::uint32_t>(flags);
    return state.perform(operation, "recv");
}

// MSG_WAITALL: the kernel's own would not wait where coir waits itself. As there, what has come is
// the result when something ends the call.
std::size_t Socket::receive_all(void* into, std::size_t size, int flags) {
    const auto keep = detail::LoopPtr<detail::SocketState>::share(state_);
    std::size_t done = 0;
    try {
        do {
            const std::size_t count = receive(static_cast<char*>(into) + done, size - done, flags);
            if (count == 0) break;
            done += count;
        } while (done < size);
    } catch (const CancelledError& cancelled) {
        if (done == 0) throw;
        detail::require_task("recv").put_back_cancel(cancelled.message());
    } catch (const IoError&) {
        if (done == 0) throw;
    }
    return done;
}

std::size_t Socket::send_some(std::string_view bytes, int flags) {
    detail::TaskOperation operation;
    operation.code = OpCode::send;
    operation.buffer = const_cast<char*>(bytes.data());
    operation.size = std::min(bytes.size(), detail::most_in_transfer);
    operation.flags = static_cast<std::uint32_t>(flags);
    return open_state("send").perform(operation, "send");
}

void Socket::send_rest(std::string_view bytes, std::size_t& done) {
    do {
        done += send_some(bytes.substr(done), 0);
    } while (done < bytes.size());
}

void Socket::send_all(std::string_view bytes) {
    std::size_t done = 0;
    try {
        send_rest(bytes, done);
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), done);
    } catch (IoError& error) {
        error.set_transferred(done);
        throw;
    }
}

std::size_t Socket::recvmsg(msghdr& message, int flags) {
    detail::TaskOperation operation;
    operation.code = OpCode::recvmsg;
    operation.buffer = &message;
    operation.flags = static_cast<std::uint32_t>(flags | MSG_CMSG_CLOEXEC);
    return open_state("recvmsg").perform(operation, "recvmsg");
}

std::size_t Socket::sendmsg(const msghdr& message, int flags) {
    detail::TaskOperation operation;
    operation.code = OpCode::sendmsg;
    operation.buffer = const_cast<msghdr*>(&message);
    operation.flags = static_cast<std::uint32_t>(flags);
    return open_state("sendmsg").perform(operation, "sendmsg");
}

std::size_t Socket::write_to(std::string_view bytes, const Address& to, int flags) {
    return detail::send_datagram(open_state("send_to"), bytes, to, flags);
}

Datagram Socket::read_from(void* into, std::size_t size, int flags) {
    return detail::receive_datagram(open_state("recv_from"), into, size, flags);
}

void Socket::write_with_fds(std::string_view bytes, std::span<const int> fds) {
    detail::require_fd_count(fds.size());
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    detail::FdMessage message(&piece, 1);
    message.put(fds);
    std::size_t done = 0;
    try {
        done = sendmsg(message.header());
        if (done < bytes.size()) send_rest(bytes, done);
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), done);
    } catch (IoError& error) {
        error.set_transferred(done);
        throw;
    }
}

ReceivedFds Socket::read_with_fds(void* into, std::size_t size, std::size_t most) {
    detail::require_fd_count(most);
    iovec piece{into, size};
    detail::FdMessage message(&piece, 1);
    message.make_room(most);
    ReceivedFds received;
    received.size = recvmsg(message.header());
    message.take(detail::running_scheduler("recv_fds").sys(), received);
    return received;
}

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count,
                               SendFileFallback fallback) {
    const auto keep = detail::LoopPtr<detail::SocketState>::share(&open_state("sendfile"));
    keep->require_own_task("sendfile").check_cancelled();
    std::size_t done = 0;
    try {
        detail::FileSender sender(*keep, keep->own(), file, offset, count, done);
        sender.run(fallback, [this](std::string_view bytes, std::size_t& sent) {
            for (std::size_t here = 0; here < bytes.size();) {
                const std::size_t moved = send_some(bytes.substr(here), 0);
                here += moved;
                sent += moved;
            }
        });
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), done);
    } catch (IoError& error) {
        error.set_transferred(done);
        throw;
    }
    return done;
}

void Socket::connect(const Address& address) {
    open_state("connect").connect(address);
}

Socket Socket::accept() {
    detail::TaskOperation operation;
    operation.code = OpCode::accept;
    detail::SocketState& state = open_state("accept");
    const auto keep = detail::LoopPtr<detail::SocketState>::share(&state);
    Fd fd(static_cast<int>(state.perform(operation, "accept")));
    return Socket(detail::adopt_socket(state.scheduler(), std::move(fd), true).release());
}

void Socket::bind(const Address& address) {
    detail::SocketState& state = open_state("bind");
    const long result = state.sys()(SYS_bind, state.fd(), address.data(), address.size());
    if (result < 0) detail::throw_io(result, "bind", state.fd(), address.to_string());
}

void Socket::listen(int backlog) {
    detail::SocketState& state = open_state("listen");
    detail::check_io(state.sys()(SYS_listen, state.fd(), backlog), "listen", state.fd());
}

void Socket::shutdown(int how) {
    detail::SocketState& state = open_state("shutdown");
    detail::check_io(state.sys()(SYS_shutdown, state.fd(), how), "shutdown", state.fd());
}

void Socket::close() noexcept {
    if (state_) state_->close_now();
}
Fd Socket::release() { return Fd(open_state("release").detach()); }
bool Socket::is_open() const noexcept { return state_ && state_->is_open(); }
int Socket::native_handle() const noexcept { return state_ ? state_->fd() : -1; }
Address Socket::local_address() const {
    return detail::address_of(open_state("getsockname"), SYS_getsockname, "getsockname");
}
Address Socket::peer_address() const {
    return detail::address_of(open_state("getpeername"), SYS_getpeername, "getpeername");
}

}  // namespace v0
}  // namespace coir
