// SPDX-License-Identifier: BSL-1.0
// Socket: any socket, with the calls that sockets have. For byte streams Stream is more convenient.
//
// Threads: the loop's thread only. Several tasks may use one socket; those that wait in the same
// direction are served in order. Errors: IoError naming the call and the descriptor; EBADF once
// closed, ECANCELED for what waits when another task closes it. A result that is there beats a
// cancellation; otherwise CancelledError, and nothing has happened. SIGPIPE is never raised.
// Behaviour: asyncio's loop.sock_recv() and relatives, but that the descriptor may be blocking.
#pragma once

#include <sys/socket.h>

#include <coir/address.hpp>
#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/fd.hpp>
#include <coir/send_file.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
class SocketState;
}

/// A datagram that has come.
struct Datagram {
    std::size_t size = 0;       ///< bytes in the buffer; 0: an empty datagram
    std::size_t full_size = 0;  ///< bytes of the datagram: what does not fit in the buffer is lost
    Address from;               ///< empty when the sender has no address
    bool truncated() const noexcept { return full_size > size; }
};

/// Bytes and the descriptors that came with them.
struct ReceivedFds {
    ReceivedFds() = default;
    ReceivedFds(ReceivedFds&&) noexcept = default;
    ReceivedFds& operator=(ReceivedFds&&) noexcept = default;

    std::size_t size = 0;    ///< bytes in the buffer; 0: the end of the stream
    std::vector<Fd> fds;     ///< close-on-exec
    bool truncated = false;  ///< more descriptors came than were asked for; the kernel closed them
};

class COIR_API Socket {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    Socket() noexcept = default;
    /// Takes a socket over. Throws std::logic_error outside a loop, IoError when it is no socket
    /// (it is closed then).
    explicit Socket(Fd fd);
    /// A new one, close-on-exec, as socket(2).
    static Socket create(int family, int type, int protocol = 0);
    Socket(Socket&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Socket& operator=(Socket&& other) noexcept;
    /// Closes it.
    ~Socket();

    /// recv(2): what is there, at least one byte; 0 at the end of a stream. `flags`: MSG_PEEK, ...
    /// With MSG_WAITALL a stream's whole buffer is waited for; less is returned at the end of the
    /// stream, and when an error or a cancellation (which then stays pending) ends the wait.
    /// MSG_PEEK|MSG_WAITALL does not wait for more than one byte.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS std::size_t recv(Buffer&& buffer, int flags = 0) {
        return receive(std::ranges::data(buffer), std::ranges::size(buffer), flags);
    }
    /// send(2): what the kernel takes, at least one byte.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS std::size_t send(
        Bytes&& bytes, int flags = 0) {
        return send_some(detail::bytes_of_argument(bytes), flags);
    }
    /// Everything. On failure IoError::transferred(), on cancellation
    /// WriteCancelledError::transferred() says how much went out. Calls do not take turns.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void sendall(
        Bytes&& bytes) {
        send_all(detail::bytes_of_argument(bytes));
    }
    /// sendto(2): a datagram to an address. Errors are this datagram's; the socket lives on.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS std::size_t send_to(
        Bytes&& bytes, const Address& to, int flags = 0) {
        return write_to(detail::bytes_of_argument(bytes), to, flags);
    }
    /// recvfrom(2): a datagram and where it came from.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS Datagram recv_from(Buffer&& buffer, int flags = 0) {
        return read_from(std::ranges::data(buffer), std::ranges::size(buffer), flags);
    }
    /// recvmsg(2), with descriptors that come (SCM_RIGHTS) close-on-exec. MSG_WAITALL may bring less
    /// than was asked for.
    COIR_SUSPENDS std::size_t recvmsg(msghdr& message, int flags = 0);
    COIR_SUSPENDS std::size_t sendmsg(const msghdr& message, int flags = 0);
    /// Unix only: sends the bytes, of which a stream socket needs one at least, and passes up to 253
    /// descriptors along with the first of them. std::invalid_argument for more. Otherwise as
    /// sendall().
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send_fds(
        Bytes&& bytes, std::span<const int> fds) {
        write_with_fds(detail::bytes_of_argument(bytes), fds);
    }
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void send_fds(
        Bytes&& bytes, std::initializer_list<int> fds) {
        write_with_fds(detail::bytes_of_argument(bytes), {fds.begin(), fds.size()});
    }
    /// Unix only: receives bytes and the descriptors that were passed with them, up to `most` (at
    /// most 253). A plain recv() has the kernel close what comes with its bytes.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS ReceivedFds recv_fds(Buffer&& buffer, std::size_t most = 16) {
        return read_with_fds(std::ranges::data(buffer), std::ranges::size(buffer), most);
    }
    /// Sends bytes of a regular file, as Stream::send_file(). Only a socket that coir has made, or
    /// that is O_NONBLOCK already, can do without the fallback.
    COIR_SUSPENDS std::uint64_t sendfile(int file, std::uint64_t offset = 0,
                                         std::optional<std::uint64_t> count = {},
                                         SendFileFallback fallback = SendFileFallback::copy);

    /// Waits until the connection stands. Throws IoError naming the address. A Unix listener whose
    /// queue is full is waited for.
    COIR_SUSPENDS void connect(const Address& address);
    /// Throws IoError(EMFILE) and the like, and ECONNABORTED for a connection that was gone.
    COIR_SUSPENDS Socket accept();
    void bind(const Address& address);
    void listen(int backlog = 511);
    /// shutdown(2): SHUT_RD, SHUT_WR or SHUT_RDWR.
    void shutdown(int how);
    /// Closes it; what waits on it gets IoError(ECANCELED). Twice is harmless.
    void close() noexcept;
    /// Gives the descriptor away; what waits on it gets IoError(ECANCELED).
    [[nodiscard]] Fd release();

    bool is_open() const noexcept;
    int native_handle() const noexcept;
    Address local_address() const;
    Address peer_address() const;

private:
    explicit Socket(detail::SocketState* state) noexcept : state_(state) {}
    std::size_t receive(void* into, std::size_t size, int flags);
    std::size_t receive_all(void* into, std::size_t size, int flags);
    std::size_t write_to(std::string_view bytes, const Address& to, int flags);
    Datagram read_from(void* into, std::size_t size, int flags);
    void write_with_fds(std::string_view bytes, std::span<const int> fds);
    ReceivedFds read_with_fds(void* into, std::size_t size, std::size_t most);
    void send_rest(std::string_view bytes, std::size_t& done);
    std::size_t send_some(std::string_view bytes, int flags);
    void send_all(std::string_view bytes);
    detail::SocketState& open_state(const char* call) const;

    detail::SocketState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
