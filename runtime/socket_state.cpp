// SPDX-License-Identifier: BSL-1.0
// See socket_state.hpp.
#include "socket_state.hpp"

#include <poll.h>

#include <cerrno>
#include <coir/error.hpp>

#include "unix_connect.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

std::size_t SocketState::perform(TaskOperation& operation, const char* call) {
    bool again = false;
    const std::int32_t result = try_to(operation, call, again);
    if (result < 0) throw_io(result, call, operation.fd);
    return static_cast<std::size_t>(result);
}

std::int32_t SocketState::try_to(TaskOperation& operation, const char* call, bool& again) {
    require_own_task(call);
    const auto keep = LoopPtr<SocketState>::share(this);
    for (;;) {
        if (!is_open()) throw_io(-ECANCELED, call, -1, "the socket was closed meanwhile");
        operation.fd = fd();
        operation.hints = hints(operation.code);
        const std::int32_t result = scheduler().perform(operation, call);
        if (result != -ECANCELED) return result;
        // Closed; or a cancel request that was taken back: nothing has happened, once more.
        operation.cancel_asked = false;
        again = true;
    }
}

std::uint8_t SocketState::hints(OpCode code) const noexcept {
    // accept() on a descriptor that coir has not made must not change it to O_NONBLOCK.
    if (code == OpCode::accept && !own_) return hint_none;
    return hints_;
}

void SocketState::connect(const Address& to) {
    const auto keep = LoopPtr<SocketState>::share(this);
    if (to.family() == AF_UNIX) {
        connect_unix(to);
    } else {
        connect_ip(to);
    }
}

// A connect whose cancellation was taken back has gone on in the kernel: the next one is told that
// the socket is connected, or that it is being connected.
void SocketState::connect_ip(Address to) {
    for (bool again = false;;) {
        TaskOperation operation;
        operation.code = OpCode::connect;
        operation.address = to.data();
        operation.address_length = to.size();
        const std::int32_t result = try_to(operation, "connect", again);
        if (result >= 0 || (result == -EISCONN && again)) return;
        if (result != -EALREADY || !again) {
            throw_io(result, "connect", operation.fd, to.to_string());
        }
        wait_for(POLLOUT, "connect");
    }
}

void SocketState::connect_unix(const Address& to) {
    require_own_task("connect").check_cancelled();
    for (ConnectPauses pauses;; pauses.rest()) {
        if (!is_open()) throw_io(-ECANCELED, "connect", -1, "the socket was closed meanwhile");
        const long result = connect_unix_now(sys(), fd(), to);
        if (result == -EAGAIN) continue;
        if (result < 0) throw_io(result, "connect", fd(), to.to_string());
        scheduler().spend_credit();
        return;
    }
}

void SocketState::wait_for(int events, const char* call) {
    TaskOperation operation;
    operation.code = OpCode::poll;
    operation.flags = static_cast<std::uint32_t>(events);
    perform(operation, call);
}

int SocketState::detach() noexcept {
    if (!scheduler().closed()) scheduler().fd_closing(fd());
    return forget();
}

LoopPtr<SocketState> adopt_socket(Scheduler& scheduler, Fd fd, bool own) {
    int type = 0;
    int family = 0;
    Sys& sys = scheduler.sys();
    check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type), "making a Socket", fd.get());
    check_io(sys.getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family), "making a Socket", fd.get());
    auto state = LoopPtr<SocketState>::make(scheduler, fd.get(), type, family, own);
    static_cast<void>(fd.release());
    return state;
}

LoopPtr<SocketState> make_socket(Scheduler& scheduler, int family, int type, int protocol) {
    const long fd = check_io(scheduler.sys().socket(family, type | SOCK_CLOEXEC, protocol), "socket");
    return adopt_socket(scheduler, Fd(static_cast<int>(fd)), true);
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

}  // namespace detail
}  // namespace v0
}  // namespace coir
