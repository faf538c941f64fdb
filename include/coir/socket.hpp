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
#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
class SocketState;
}

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
    /// recvmsg(2), with descriptors that come (SCM_RIGHTS) close-on-exec.
    COIR_SUSPENDS std::size_t recvmsg(msghdr& message, int flags = 0);
    COIR_SUSPENDS std::size_t sendmsg(const msghdr& message, int flags = 0);

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
    std::size_t send_some(std::string_view bytes, int flags);
    void send_all(std::string_view bytes);
    detail::SocketState& open_state(const char* call) const;

    detail::SocketState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
