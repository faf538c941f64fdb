// SPDX-License-Identifier: BSL-1.0
// UdpSocket: datagrams, one by one or many per system call.
//
// Threads: the loop's thread only. Several tasks may use one socket. Errors: IoError naming the call
// and the descriptor; EBADF once closed, ECANCELED for what waits when another task closes it. An
// error is that of one datagram (ECONNREFUSED: nobody listened where an earlier one went), and the
// socket can go on. A datagram that is there beats a cancellation; otherwise CancelledError, and no
// datagram is lost. Behaviour: asyncio's datagram endpoints, but that sending waits for the kernel
// instead of queueing without a limit.
#pragma once

#include <coir/address.hpp>
#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/fd.hpp>
#include <coir/socket.hpp>
#include <cstddef>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

struct UdpOptions {
    /// Several sockets of this user may have one address; the kernel spreads the datagrams.
    bool reuse_port = false;
    /// Several sockets may have one address, and each gets every multicast datagram: for listeners
    /// of groups. Of other datagrams the last socket gets all.
    bool reuse_address = false;
    /// Broadcast addresses may be sent to.
    bool broadcast = false;
};

/// For send_many().
struct OutgoingDatagram {
    std::string_view bytes;  ///< must last until send_many() has returned
    Address to = {};         ///< empty: the connected peer
};

/// For recv_many(): room, and then what has come.
struct IncomingDatagram {
    std::span<char> buffer = {};  ///< the caller's
    std::size_t size = 0;         ///< bytes in the buffer; 0: an empty datagram
    std::size_t full_size = 0;    ///< bytes of the datagram: what does not fit is lost
    Address from = {};
    bool truncated() const noexcept { return full_size > size; }
    std::string_view bytes() const noexcept { return {buffer.data(), size}; }
};

class COIR_API UdpSocket {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    UdpSocket() noexcept = default;
    /// Takes a datagram socket over, of UDP or another family. Throws std::logic_error outside a
    /// loop, IoError when it is no datagram socket (it is closed then).
    explicit UdpSocket(Fd fd);
    /// A socket at the first address of `host` that can be had; an empty host is every address of
    /// the machine (IPv6 and IPv4). Port 0: the system chooses one. Throws IoError naming the address
    /// (EADDRINUSE, ...), ResolveError, std::invalid_argument.
    COIR_SUSPENDS static UdpSocket open(std::string_view host, int port,
                                        const UdpOptions& options = {});
    /// A socket without an address: the first datagram that is sent gives it one. AF_UNIX as well: then it
    /// has none, and cannot be answered, until bind(Address::unix_path(...)) gives it a file, which stays
    /// when the socket is closed, until coir::remove() takes it away.
    static UdpSocket open(int family = AF_INET, const UdpOptions& options = {});
    UdpSocket(UdpSocket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    UdpSocket& operator=(UdpSocket&& other) noexcept;
    /// Closes it.
    ~UdpSocket();

    /// Gives it an address. Throws as open().
    COIR_SUSPENDS void bind(std::string_view host, int port);
    void bind(const Address& address);
    /// From now on datagrams go to and come from this peer only, and its refusals are told.
    COIR_SUSPENDS void connect(std::string_view host, int port);
    void connect(const Address& address);

    /// Sends one datagram; an empty one too. Waits while the kernel, or of AF_UNIX the receiver's queue,
    /// has no room. An empty address is the connected peer.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send_to(
        Bytes&& bytes, const Address& to) {
        send_one(detail::bytes_of_argument(bytes), to);
    }
    /// To the connected peer; IoError(EDESTADDRREQ) when there is none, of AF_UNIX ENOTCONN.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send(
        Bytes&& bytes) {
        send_one(detail::bytes_of_argument(bytes), Address());
    }
    /// Waits for a datagram. What does not fit into the buffer is lost, and Datagram::truncated().
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS Datagram recv_from(Buffer&& buffer) {
        return receive_one(std::ranges::data(buffer), std::ranges::size(buffer));
    }
    /// Sends them all, in order, up to 64 per system call. On failure IoError::transferred(), on
    /// cancellation WriteCancelledError::transferred() is the number of datagrams that went out; the
    /// error is that of the next one. std::invalid_argument, before any is sent, as send_to().
    COIR_SUSPENDS void send_many(std::span<const OutgoingDatagram> datagrams);
    /// Waits for one datagram, and takes what else is there: as many as there is room for, up to 64.
    /// Returns how many. It does not queue behind tasks in recv_from().
    COIR_SUSPENDS std::size_t recv_many(std::span<IncomingDatagram> datagrams);

    void set_broadcast(bool on = true);
    /// Multicast: joins or leaves a group at the interface of that index (0: the system chooses).
    void join_group(const Address& group, unsigned interface_index = 0);
    void leave_group(const Address& group, unsigned interface_index = 0);
    /// Where multicast datagrams go out, how many networks they cross (1 to 255), and whether this
    /// machine gets them too.
    void set_multicast_interface(unsigned interface_index);
    void set_multicast_hops(int hops);
    void set_multicast_loop(bool on);

    /// Closes it; what waits on it gets IoError(ECANCELED). Twice is harmless.
    void close() noexcept;
    bool is_open() const noexcept;
    /// The descriptor, for setsockopt and the like; -1 once closed. It stays the socket's.
    int native_handle() const noexcept;
    Address local_address() const;
    /// IoError(ENOTCONN) when it is not connected.
    Address peer_address() const;
    /// Of the own address.
    int port() const { return local_address().port(); }

private:
    explicit UdpSocket(detail::SocketState* state) noexcept : state_(state) {}
    void send_one(std::string_view bytes, const Address& to);
    Datagram receive_one(void* into, std::size_t size);
    int family(const char* call) const;
    void change_membership(const Address& group, unsigned interface_index, bool join);
    void set_option(int level, int option, int value, const char* call);
    detail::SocketState& open_state(const char* call) const;

    detail::SocketState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
