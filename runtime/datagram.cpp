// SPDX-License-Identifier: BSL-1.0
// See datagram.hpp.
//
// recvmmsg() and sendmmsg() are no operations of the reactors: they are called without waiting, and
// when there is nothing to do the loop waits for readiness.
#include "datagram.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t message_batch = 64;

// A call for the current task that does not wait by itself.
template <class Call>
std::size_t repeat(SocketState& socket, int events, const char* what, Call&& call) {
    TaskBase& self = socket.require_own_task(what);
    const auto keep = LoopPtr<SocketState>::share(&socket);
    for (;;) {
        self.check_cancelled();
        if (!socket.is_open()) throw_io(-ECANCELED, what, -1, "the socket was closed meanwhile");
        const long result = call();
        if (result >= 0) {
            socket.scheduler().spend_credit();
            return static_cast<std::size_t>(result);
        }
        if (result == -EAGAIN) {
            socket.wait_for(events, what);
        } else if (result != -EINTR) {
            throw_io(result, what, socket.fd());
        }
    }
}

void set_destination(msghdr& message, const Address& to) noexcept {
    if (to.family() == AF_UNSPEC) return;
    message.msg_name = const_cast<sockaddr*>(to.data());
    message.msg_namelen = to.size();
}

}  // namespace

std::size_t send_datagram(SocketState& socket, std::string_view bytes, const Address& to,
                          int flags) {
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    set_destination(message, to);
    TaskOperation operation;
    operation.code = OpCode::sendmsg;
    operation.buffer = &message;
    operation.flags = static_cast<std::uint32_t>(flags);
    return socket.perform(operation, "send_to");
}

Datagram receive_datagram(SocketState& socket, void* into, std::size_t size, int flags) {
    Datagram datagram;
    iovec piece{into, size};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_name = datagram.from.data();
    message.msg_namelen = Address::capacity();
    TaskOperation operation;
    operation.code = OpCode::recvmsg;
    operation.buffer = &message;
    // MSG_TRUNC: the result is the datagram's size, not that of what fits. Of a TCP stream it would
    // throw the bytes away.
    const bool whole = socket.type() != SOCK_STREAM;
    operation.flags = static_cast<std::uint32_t>(flags) | (whole ? std::uint32_t{MSG_TRUNC} : 0u);
    datagram.full_size = socket.perform(operation, "recv_from");
    datagram.size = std::min(datagram.full_size, size);
    datagram.from.set_size(message.msg_namelen);
    return datagram;
}

void send_datagrams(SocketState& socket, std::span<const OutgoingDatagram> datagrams,
                    std::size_t& done) {
    while (done < datagrams.size()) {
        const auto next = datagrams.subspan(done, std::min(message_batch, datagrams.size() - done));
        mmsghdr messages[message_batch] = {};
        iovec pieces[message_batch];
        for (std::size_t i = 0; i < next.size(); ++i) {
            pieces[i] = {const_cast<char*>(next[i].bytes.data()), next[i].bytes.size()};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            set_destination(messages[i].msg_hdr, next[i].to);
        }
        // An error of the second or a later one is told by the next call.
        done += repeat(socket, POLLOUT, "send_many", [&] {
            return socket.sys()(SYS_sendmmsg, socket.fd(), messages, next.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
        });
    }
}

std::size_t receive_datagrams(SocketState& socket, std::span<IncomingDatagram> datagrams) {
    const std::size_t most = std::min(message_batch, datagrams.size());
    mmsghdr messages[message_batch] = {};
    iovec pieces[message_batch];
    for (std::size_t i = 0; i < most; ++i) {
        pieces[i] = {datagrams[i].buffer.data(), datagrams[i].buffer.size()};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = datagrams[i].from.data();
        messages[i].msg_hdr.msg_namelen = Address::capacity();
    }
    const std::size_t count = repeat(socket, POLLIN, "recv_many", [&] {
        return socket.sys()(SYS_recvmmsg, socket.fd(), messages, most, MSG_DONTWAIT | MSG_TRUNC,
                            nullptr);
    });
    for (std::size_t i = 0; i < count; ++i) {
        datagrams[i].full_size = messages[i].msg_len;
        datagrams[i].size = std::min(datagrams[i].full_size, datagrams[i].buffer.size());
        datagrams[i].from.set_size(messages[i].msg_hdr.msg_namelen);
    }
    return count;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
