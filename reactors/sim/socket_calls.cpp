// SPDX-License-Identifier: BSL-1.0
// The calls of sockets. See sim_sys.hpp.
#include "sim_sys.hpp"

#include "datagram_socket.hpp"
#include "stream_socket.hpp"
#include "unix_datagram_socket.hpp"

#include <cstring>

#include <netinet/in.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

sockaddr* address_at(long pointer) noexcept { return reinterpret_cast<sockaddr*>(pointer); }
socklen_t* size_at(long pointer) noexcept { return reinterpret_cast<socklen_t*>(pointer); }

using Pair = std::pair<std::shared_ptr<Socket>, std::shared_ptr<Socket>>;

Pair stream_pair(World& world) {
    const auto a = std::make_shared<StreamSocket>(world, AF_UNIX, 0);
    const auto b = std::make_shared<StreamSocket>(world, AF_UNIX, 0);
    StreamSocket::join(*a, *b, nullptr);
    return {a, b};
}

Pair datagram_pair(World& world) {
    const auto a = std::make_shared<UnixDatagramSocket>(world);
    const auto b = std::make_shared<UnixDatagramSocket>(world);
    UnixDatagramSocket::join(*a, *b);
    return {a, b};
}

}  // namespace

long SimSys::make_socket(const Arguments& call) {
    const int family = static_cast<int>(call.a);
    const int flags = static_cast<int>(call.b) & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int type = static_cast<int>(call.b) & ~flags;
    const int protocol = static_cast<int>(call.c);
    const bool ip = family == AF_INET || family == AF_INET6;
    if (!ip && family != AF_UNIX) return -EAFNOSUPPORT;
    std::shared_ptr<Node> node;
    if (type == SOCK_STREAM) {
        if (protocol != 0 && protocol != (ip ? IPPROTO_TCP : 0)) return -EPROTONOSUPPORT;
        node = std::make_shared<StreamSocket>(world_, family, IPPROTO_TCP);
    } else if (type == SOCK_DGRAM && ip) {
        if (protocol != 0 && protocol != IPPROTO_UDP) return -EPROTONOSUPPORT;
        node = std::make_shared<DatagramSocket>(world_, family, IPPROTO_UDP);
    } else if (type == SOCK_DGRAM) {
        if (protocol != 0) return -EPROTONOSUPPORT;
        node = std::make_shared<UnixDatagramSocket>(world_);
    } else {
        refuse(call, "for this kind of socket is not simulated");
    }
    node->set_nonblocking((flags & SOCK_NONBLOCK) != 0);
    return world_.descriptors.add(std::move(node), (flags & SOCK_CLOEXEC) != 0);
}

long SimSys::make_pair(const Arguments& call) {
    const int flags = static_cast<int>(call.b) & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (call.a != AF_UNIX) return -EOPNOTSUPP;
    const int type = static_cast<int>(call.b) & ~flags;
    if (type != SOCK_STREAM && type != SOCK_DGRAM) {
        refuse(call, "for this kind of socket is not simulated");
    }
    int* ends = reinterpret_cast<int*>(call.d);
    const auto [a, b] = type == SOCK_STREAM ? stream_pair(world_) : datagram_pair(world_);
    a->set_nonblocking((flags & SOCK_NONBLOCK) != 0);
    b->set_nonblocking((flags & SOCK_NONBLOCK) != 0);
    const bool close_on_exec = (flags & SOCK_CLOEXEC) != 0;
    const long first = world_.descriptors.add(a, close_on_exec);
    if (first < 0) return first;
    const long second = world_.descriptors.add(b, close_on_exec);
    if (second < 0) {
        world_.descriptors.close(static_cast<int>(first));
        return second;
    }
    ends[0] = static_cast<int>(first);
    ends[1] = static_cast<int>(second);
    return 0;
}

long SimSys::accept(const Arguments& call, Socket& socket) {
    const int flags = static_cast<int>(call.d);
    // As in Linux: without a descriptor the connection stays in the queue.
    if (world_.descriptors.is_full() && socket.is_listening()) return -EMFILE;
    std::shared_ptr<Node> connection;
    const long result = socket.accept(connection, address_at(call.b), size_at(call.c));
    if (result < 0) return now_or_never(call, socket, true, result);
    connection->set_nonblocking((flags & SOCK_NONBLOCK) != 0);
    return world_.descriptors.add(std::move(connection), (flags & SOCK_CLOEXEC) != 0);
}

long SimSys::receive(const Arguments& call, Socket& socket) {
    Message message;
    iovec one{};
    msghdr* header = nullptr;
    if (call.number == SYS_recvmsg) {
        header = reinterpret_cast<msghdr*>(call.b);
        message.pieces = Pieces(header->msg_iov, header->msg_iovlen);
        message.name = static_cast<sockaddr*>(header->msg_name);
        message.name_size = header->msg_namelen;
        message.flags = static_cast<int>(call.c);
    } else {
        one = {reinterpret_cast<void*>(call.b), static_cast<std::size_t>(call.c)};
        message.pieces = Pieces(&one, 1);
        message.name = address_at(call.e);
        if (size_at(call.f)) message.name_size = *size_at(call.f);
        message.flags = static_cast<int>(call.d);
    }
    const long result = socket.receive(message);
    if (result >= 0 && header) {
        header->msg_namelen = message.name ? message.name_size : 0;
        header->msg_flags = message.result_flags | (message.flags & MSG_CMSG_CLOEXEC);
        world_.passing.deliver(message.passed.get(), *header, (message.flags & MSG_CMSG_CLOEXEC) != 0);
    } else if (result >= 0 && size_at(call.f)) {
        *size_at(call.f) = message.name_size;
    }
    return now_or_never(call, socket, (message.flags & MSG_DONTWAIT) == 0, result);
}

long SimSys::send(const Arguments& call, Socket& socket) {
    Message message;
    iovec one{};
    if (call.number == SYS_sendmsg) {
        const auto* header = reinterpret_cast<const msghdr*>(call.b);
        if (header->msg_controllen != 0) {
            if (socket.family() != AF_UNIX || !Passing::is_simulated(*header)) {
                refuse(call, "with this kind of control data is not simulated");
            }
            long error = 0;
            message.passed = world_.passing.collect(*header, error);
            if (error != 0) return error;
        }
        message.pieces = Pieces(header->msg_iov, header->msg_iovlen);
        message.name = static_cast<sockaddr*>(header->msg_name);
        message.name_size = header->msg_namelen;
        message.flags = static_cast<int>(call.c);
    } else {
        one = {reinterpret_cast<void*>(call.b), static_cast<std::size_t>(call.c)};
        message.pieces = Pieces(&one, 1);
        message.name = address_at(call.e);
        message.name_size = static_cast<socklen_t>(call.f);
        message.flags = static_cast<int>(call.d);
    }
    const long result = socket.send(message);
    return now_or_never(call, socket, (message.flags & MSG_DONTWAIT) == 0, result);
}

// One after another; an error of the second or a later one is told by the next call.
long SimSys::many(const Arguments& call, Socket& socket) {
    auto* messages = reinterpret_cast<mmsghdr*>(call.b);
    const bool receives = call.number == SYS_recvmmsg;
    long done = 0;
    while (done < call.c) {
        mmsghdr& message = messages[done];
        const Arguments one{receives ? SYS_recvmsg : SYS_sendmsg, call.a,
                            reinterpret_cast<long>(&message.msg_hdr), call.d, 0, 0, 0};
        const long result = receives ? receive(one, socket) : send(one, socket);
        if (result < 0) return done > 0 ? done : result;
        message.msg_len = static_cast<unsigned>(result);
        ++done;
    }
    return done;
}

long SimSys::on_socket(const Arguments& call, Socket& socket) {
    switch (call.number) {
        case SYS_bind:
            return socket.bind(address_at(call.b), static_cast<socklen_t>(call.c));
        case SYS_listen:
            return socket.listen(static_cast<int>(call.b));
        case SYS_accept4:
            return accept(call, socket);
        case SYS_connect: {
            const long result =
                socket.connect(address_at(call.b), static_cast<socklen_t>(call.c));
            if (result == -EINPROGRESS && socket.blocks() && !for_kernel_) {
                refuse(call, "would block the loop's thread");
            }
            return result;
        }
        case SYS_shutdown:
            return socket.shutdown(static_cast<int>(call.b));
        case SYS_recvfrom:
        case SYS_recvmsg:
            return receive(call, socket);
        case SYS_sendto:
        case SYS_sendmsg:
            return send(call, socket);
        case SYS_recvmmsg:
        case SYS_sendmmsg:
            return many(call, socket);
        case SYS_getsockname:
            return socket.local_name(address_at(call.b), size_at(call.c));
        case SYS_getpeername:
            return socket.peer_name(address_at(call.b), size_at(call.c));
        case SYS_getsockopt:
            return socket.get_option(static_cast<int>(call.b), static_cast<int>(call.c),
                                     reinterpret_cast<void*>(call.d), size_at(call.e));
        case SYS_setsockopt:
            return socket.set_option(static_cast<int>(call.b), static_cast<int>(call.c),
                                     reinterpret_cast<const void*>(call.d),
                                     static_cast<socklen_t>(call.e));
        default:
            refuse(call, "on a socket is not simulated");
    }
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
