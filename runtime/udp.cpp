// SPDX-License-Identifier: BSL-1.0
// UdpSocket.
#include <coir/udp.hpp>

#include <netinet/in.h>

#include <cerrno>
#include <coir/error.hpp>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "datagram.hpp"
#include "resolver.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

LoopPtr<SocketState> make_udp(Scheduler& scheduler, int family, const UdpOptions& options) {
    auto socket = make_socket(scheduler, family, SOCK_DGRAM, 0);
    Sys& sys = scheduler.sys();
    const int fd = socket->fd();
    if (options.reuse_port) {
        check_io(sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1), "setsockopt(SO_REUSEPORT)", fd);
    }
    if (options.reuse_address) {
        check_io(sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1), "setsockopt(SO_REUSEADDR)", fd);
    }
    if (options.broadcast) {
        check_io(sys.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, 1), "setsockopt(SO_BROADCAST)", fd);
    }
    return socket;
}

void bind_to(SocketState& socket, const Address& address) {
    const long result = socket.sys()(SYS_bind, socket.fd(), address.data(), address.size());
    if (result < 0) throw_io(result, "bind", socket.fd(), address.to_string());
}

LoopPtr<SocketState> open_at(Scheduler& scheduler, const Address& address, bool dual_stack,
                             const UdpOptions& options) {
    auto socket = make_udp(scheduler, address.family(), options);
    if (address.family() == AF_INET6) {
        check_io(scheduler.sys().setsockopt(socket->fd(), IPPROTO_IPV6, IPV6_V6ONLY,
                                            dual_stack ? 0 : 1),
                 "setsockopt(IPV6_V6ONLY)", socket->fd());
    }
    bind_to(*socket, address);
    return socket;
}

// Does `attempt` for the first address with which it works; the first one's error otherwise.
template <class Attempt>
void for_first(const std::vector<Address>& addresses, Attempt&& attempt) {
    std::exception_ptr first_error;
    for (const Address& address : addresses) {
        try {
            return attempt(address);
        } catch (const IoError&) {
            if (!first_error) first_error = std::current_exception();
        }
    }
    std::rethrow_exception(first_error);
}

// The kernel would send it; but who has connected the socket has said where to.
void require_peer(const SocketState& socket, const Address& to) {
    if (to.family() == AF_UNSPEC || socket.peer.family() == AF_UNSPEC || to == socket.peer) return;
    throw std::invalid_argument("coir: send_to " + to.to_string() +
                                " by a socket that is connected to " + socket.peer.to_string());
}

const Address no_address;

// -> the peer of a connected socket, when the address is the peer's own.
const Address& destination(const SocketState& socket, const Address& to) {
    require_peer(socket, to);
    return socket.peer.family() == AF_UNSPEC ? to : no_address;
}

}  // namespace
}  // namespace detail

UdpSocket::UdpSocket(Fd fd) {
    auto socket =
        detail::adopt_socket(detail::running_scheduler("UdpSocket"), std::move(fd), false);
    if (socket->type() != SOCK_DGRAM) {
        throw IoError(EPROTOTYPE, "making a UdpSocket", socket->fd(), "not a datagram socket");
    }
    socklen_t size = Address::capacity();
    Address peer;
    if (socket->sys()(SYS_getpeername, socket->fd(), peer.data(), &size) == 0) {
        peer.set_size(size);
        socket->peer = peer;
    }
    state_ = socket.release();
}

UdpSocket UdpSocket::open(int family, const UdpOptions& options) {
    detail::Scheduler& scheduler = detail::running_scheduler("UdpSocket::open");
    return UdpSocket(detail::make_udp(scheduler, family, options).release());
}

UdpSocket UdpSocket::open(std::string_view host, int port, const UdpOptions& options) {
    detail::TaskBase& self = detail::enter_suspension_point("UdpSocket::open");
    detail::require_host(host);
    detail::require_port(port);
    const bool everywhere = host.empty();
    const std::vector<Address> addresses =
        everywhere ? std::vector<Address>{Address("::", port), Address("0.0.0.0", port)}
                   : detail::resolve_addresses(host, port, AF_UNSPEC, true);
    detail::LoopPtr<detail::SocketState> socket;
    detail::for_first(addresses, [&](const Address& address) {
        socket = detail::open_at(self.scheduler(), address, everywhere, options);
    });
    return UdpSocket(socket.release());
}

UdpSocket::~UdpSocket() { detail::drop_socket(state_); }

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
        detail::drop_socket(std::exchange(state_, std::exchange(other.state_, nullptr)));
    }
    return *this;
}

detail::SocketState& UdpSocket::open_state(const char* call) const {
    if (!state_ || !state_->is_open()) detail::throw_io(-EBADF, call, -1, "the socket is closed");
    return *state_;
}

int UdpSocket::family(const char* call) const {
    detail::SocketState& state = open_state(call);
    int family = 0;
    detail::check_io(state.sys().getsockopt(state.fd(), SOL_SOCKET, SO_DOMAIN, &family), call,
                     state.fd());
    return family;
}

void UdpSocket::bind(std::string_view host, int port) {
    detail::enter_suspension_point("bind");
    detail::require_host(host);
    detail::require_port(port);
    const auto addresses = detail::resolve_addresses(host, port, family("bind"), true);
    detail::for_first(addresses, [this](const Address& address) { bind(address); });
}

void UdpSocket::bind(const Address& address) { detail::bind_to(open_state("bind"), address); }

void UdpSocket::connect(std::string_view host, int port) {
    detail::enter_suspension_point("connect");
    detail::require_host(host);
    detail::require_port(port);
    const auto addresses = detail::resolve_addresses(host, port, family("connect"), false);
    detail::for_first(addresses, [this](const Address& address) { connect(address); });
}

// Of datagrams connect() only takes a note: it does not wait.
void UdpSocket::connect(const Address& address) {
    detail::SocketState& state = open_state("connect");
    const long result = state.sys()(SYS_connect, state.fd(), address.data(), address.size());
    if (result < 0) detail::throw_io(result, "connect", state.fd(), address.to_string());
    state.peer = address;
}

void UdpSocket::send_one(std::string_view bytes, const Address& to) {
    detail::SocketState& state = open_state("send_to");
    detail::send_datagram(state, bytes, detail::destination(state, to), 0);
}

Datagram UdpSocket::receive_one(void* into, std::size_t size) {
    return detail::receive_datagram(open_state("recv_from"), into, size, 0);
}

void UdpSocket::send_many(std::span<const OutgoingDatagram> datagrams) {
    detail::SocketState& state = open_state("send_many");
    for (const OutgoingDatagram& datagram : datagrams) detail::require_peer(state, datagram.to);
    std::size_t done = 0;
    try {
        if (datagrams.empty()) detail::leave_without_suspending(
            detail::enter_suspension_point("send_many"));
        detail::send_datagrams(state, datagrams, done);
    } catch (const CancelledError& cancelled) {
        throw WriteCancelledError(cancelled.message(), done);
    } catch (IoError& error) {
        error.set_transferred(done);
        throw;
    }
}

std::size_t UdpSocket::recv_many(std::span<IncomingDatagram> datagrams) {
    detail::SocketState& state = open_state("recv_many");
    if (datagrams.empty()) throw std::invalid_argument("coir: recv_many without room");
    return detail::receive_datagrams(state, datagrams);
}

// --- Options ------------------------------------------------------------------------------------

void UdpSocket::set_option(int level, int option, int value, const char* call) {
    detail::SocketState& state = open_state(call);
    detail::check_io(state.sys().setsockopt(state.fd(), level, option, value), call, state.fd());
}

void UdpSocket::set_broadcast(bool on) {
    set_option(SOL_SOCKET, SO_BROADCAST, on ? 1 : 0, "setsockopt(SO_BROADCAST)");
}

void UdpSocket::change_membership(const Address& group, unsigned interface_index, bool join) {
    const char* call = join ? "join_group" : "leave_group";
    detail::SocketState& state = open_state(call);
    long result = -EAFNOSUPPORT;
    if (group.family() == AF_INET) {
        ip_mreqn request{};
        request.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(group.data())->sin_addr;
        request.imr_ifindex = static_cast<int>(interface_index);
        result = state.sys()(SYS_setsockopt, state.fd(), IPPROTO_IP,
                             join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                             sizeof request);
    } else if (group.family() == AF_INET6) {
        ipv6_mreq request{};
        request.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(group.data())->sin6_addr;
        request.ipv6mr_interface = interface_index;
        result = state.sys()(SYS_setsockopt, state.fd(), IPPROTO_IPV6,
                             join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &request,
                             sizeof request);
    }
    if (result < 0) detail::throw_io(result, call, state.fd(), group.host());
}

void UdpSocket::join_group(const Address& group, unsigned interface_index) {
    change_membership(group, interface_index, true);
}
void UdpSocket::leave_group(const Address& group, unsigned interface_index) {
    change_membership(group, interface_index, false);
}

void UdpSocket::set_multicast_interface(unsigned interface_index) {
    constexpr const char* call = "set_multicast_interface";
    detail::SocketState& state = open_state(call);
    if (family(call) == AF_INET6) {
        return set_option(IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface_index), call);
    }
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(interface_index);
    detail::check_io(state.sys()(SYS_setsockopt, state.fd(), IPPROTO_IP, IP_MULTICAST_IF, &request,
                                 sizeof request),
                     call, state.fd());
}

void UdpSocket::set_multicast_hops(int hops) {
    constexpr const char* call = "set_multicast_hops";
    if (hops < 1 || hops > 255) {
        throw std::invalid_argument("coir: " + std::to_string(hops) +
                                    " multicast hops; 1 to 255 are possible");
    }
    if (family(call) == AF_INET6) {
        set_option(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops, call);
    } else {
        set_option(IPPROTO_IP, IP_MULTICAST_TTL, hops, call);
    }
}

void UdpSocket::set_multicast_loop(bool on) {
    constexpr const char* call = "set_multicast_loop";
    if (family(call) == AF_INET6) {
        set_option(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on ? 1 : 0, call);
    } else {
        set_option(IPPROTO_IP, IP_MULTICAST_LOOP, on ? 1 : 0, call);
    }
}

// --- The socket ---------------------------------------------------------------------------------

void UdpSocket::close() noexcept {
    if (state_) state_->close_now();
}
bool UdpSocket::is_open() const noexcept { return state_ && state_->is_open(); }
int UdpSocket::native_handle() const noexcept { return state_ ? state_->fd() : -1; }
Address UdpSocket::local_address() const {
    return detail::address_of(open_state("getsockname"), SYS_getsockname, "getsockname");
}
Address UdpSocket::peer_address() const {
    return detail::address_of(open_state("getpeername"), SYS_getpeername, "getpeername");
}

}  // namespace v0
}  // namespace coir
