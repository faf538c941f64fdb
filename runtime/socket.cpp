// SPDX-License-Identifier: BSL-1.0
// Socket.
#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <coir/socket.hpp>

#include "loop_object.hpp"
#include "task_operation.hpp"
#include "unix_connect.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

class SocketState final : public LoopFd {
public:
    SocketState(Scheduler& scheduler, int fd, bool stream, bool own) noexcept
        : LoopFd(scheduler, fd), stream_(stream), own_(own) {}

    /// Carries `operation` out on this socket; its result, or IoError.
    std::size_t perform(TaskOperation& operation, const char* call) {
        require_own_task(call);
        const auto keep = LoopPtr<SocketState>::share(this);
        for (;;) {
            if (!is_open()) throw_io(-ECANCELED, call, -1, "the socket was closed meanwhile");
            operation.fd = fd();
            operation.hints = hints(operation.code);
            const int at = fd();
            const std::int32_t result = scheduler().perform(operation, call);
            if (result >= 0) return static_cast<std::size_t>(result);
            if (result != -ECANCELED) throw_io(result, call, at);
            // Closed; or a cancel request that was taken back: nothing has happened, once more.
            operation.cancel_asked = operation.done = false;
        }
    }

    void connect(const Address& to) {
        if (to.family() == AF_UNIX) {
            connect_unix(to);
        } else {
            connect_ip(to);
        }
    }

    /// The descriptor stays open; the loop forgets it.
    int detach() noexcept {
        if (!scheduler().closed()) scheduler().reactor().fd_closing(fd());
        return forget();
    }

private:
    void connect_ip(Address to) {
        TaskOperation operation;
        operation.code = OpCode::connect;
        operation.address = to.data();
        operation.address_length = to.size();
        perform(operation, "connect");
    }
    void connect_unix(const Address& to) {
        require_own_task("connect").check_cancelled();
        const auto keep = LoopPtr<SocketState>::share(this);
        for (ConnectPauses pauses;; pauses.rest()) {
            if (!is_open()) throw_io(-ECANCELED, "connect", -1, "the socket was closed meanwhile");
            const long result = connect_unix_now(sys(), fd(), to);
            if (result == -EAGAIN) continue;
            check_io(result, "connect", fd());
            scheduler().spend_credit();
            return;
        }
    }
    std::uint8_t hints(OpCode code) const noexcept {
        // accept() on a descriptor that coir has not made must not change it to O_NONBLOCK.
        if (code == OpCode::accept && !own_) return hint_none;
        return stream_ ? hint_owned | hint_stream : hint_owned;
    }
    const bool stream_;
    const bool own_;
};

namespace {

constexpr std::size_t most_at_once = std::size_t{1} << 30;

LoopPtr<SocketState> adopt(Scheduler& scheduler, Fd fd, bool own) {
    int type = 0;
    int family = 0;
    Sys& sys = scheduler.sys();
    check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type), "making a Socket", fd.get());
    check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family), "making a Socket", fd.get());
    // A Unix socket's recv() also stops where descriptors were passed, with more data behind.
    const bool short_means_dry = type == SOCK_STREAM && (family == AF_INET || family == AF_INET6);
    auto state = LoopPtr<SocketState>::make(scheduler, fd.get(), short_means_dry, own);
    static_cast<void>(fd.release());
    return state;
}

Address address_of(LoopFd& socket, long number, const char* call) {
    Address address;
    socklen_t size = Address::capacity();
    check_io(socket.sys()(number, socket.fd(), address.data(), &size), call, socket.fd());
    address.set_size(size);
    return address;
}

void drop_socket(SocketState* state) noexcept {
    if (!state) return;
    drop_on_loop(*state, [](LoopObject& object) noexcept {
        static_cast<SocketState&>(object).close_now();
        object.drop_ref();
    });
}

}  // namespace
}  // namespace detail

Socket::Socket(Fd fd)
    : state_(detail::adopt(detail::running_scheduler("Socket"), std::move(fd), false).release()) {}

Socket Socket::create(int family, int type, int protocol) {
    detail::Scheduler& scheduler = detail::running_scheduler("Socket::create");
    const long fd =
        detail::check_io(scheduler.sys().socket(family, type | SOCK_CLOEXEC, protocol), "socket");
    return Socket(detail::adopt(scheduler, Fd(static_cast<int>(fd)), true).release());
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
    detail::TaskOperation operation;
    operation.code = OpCode::recv;
    operation.buffer = into;
    operation.size = std::min(size, detail::most_at_once);
    operation.flags = static_cast<std::uint32_t>(flags);
    return open_state("recv").perform(operation, "recv");
}

std::size_t Socket::send_some(std::string_view bytes, int flags) {
    detail::TaskOperation operation;
    operation.code = OpCode::send;
    operation.buffer = const_cast<char*>(bytes.data());
    operation.size = std::min(bytes.size(), detail::most_at_once);
    operation.flags = static_cast<std::uint32_t>(flags);
    return open_state("send").perform(operation, "send");
}

void Socket::send_all(std::string_view bytes) {
    std::size_t done = 0;
    try {
        do {
            done += send_some(bytes.substr(done), 0);
        } while (done < bytes.size());
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

void Socket::connect(const Address& address) {
    open_state("connect").connect(address);
}

Socket Socket::accept() {
    detail::TaskOperation operation;
    operation.code = OpCode::accept;
    detail::SocketState& state = open_state("accept");
    const auto keep = detail::LoopPtr<detail::SocketState>::share(&state);
    Fd fd(static_cast<int>(state.perform(operation, "accept")));
    return Socket(detail::adopt(state.scheduler(), std::move(fd), true).release());
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
