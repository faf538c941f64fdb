// SPDX-License-Identifier: BSL-1.0
// Listener: accepting connections one by one. Server: a task for each connection.
//
// Threads: the loop's thread only. Behaviour: asyncio.start_server and asyncio.Server, but that a
// Server owns the tasks of its connections: none outlives it.
#pragma once

#include <coir/address.hpp>
#include <coir/detail/config.hpp>
#include <coir/stream.hpp>
#include <coir/time.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
class LoopFd;
class ServerState;
}  // namespace detail

struct ListenOptions {
    /// Connections that the kernel queues until they are accepted.
    int backlog = 511;
    /// Several processes or loops may listen on one port, and the kernel spreads connections.
    bool reuse_port = false;
    /// Of the streams that are accepted: StreamOptions::limit.
    std::size_t limit = 64 * 1024;
};

/// A listening socket.
class COIR_API Listener {
public:
    /// Listens at the first address of `host` that can be had; an empty host is every address of
    /// the machine (IPv6 and IPv4). Port 0: the system chooses one. Throws IoError naming the
    /// address (EADDRINUSE, ...), ResolveError, std::invalid_argument.
    COIR_SUSPENDS static Listener listen(std::string_view host, int port,
                                         const ListenOptions& options = {});
    /// Empty: every use but assignment throws IoError(EBADF).
    Listener() noexcept = default;
    Listener(Listener&& other) noexcept
        : socket_(std::exchange(other.socket_, nullptr)), limit_(other.limit_) {}
    Listener& operator=(Listener&& other) noexcept;
    /// Closes it.
    ~Listener();

    /// The next connection. Several tasks may wait, and are served in order. Connections that are
    /// gone before they are taken are passed over. Throws IoError: EMFILE and the like, after which
    /// it can be called again; ECANCELED when the listener is closed meanwhile.
    COIR_SUSPENDS Stream accept();
    /// Stops listening. Connections that nobody has accepted are reset by the kernel.
    void close() noexcept;
    bool is_open() const noexcept;
    int port() const;
    Address address() const;
    int native_handle() const noexcept;

private:
    explicit Listener(detail::LoopFd* socket, std::size_t limit) noexcept
        : socket_(socket), limit_(limit) {}
    detail::LoopFd* socket_ = nullptr;
    std::size_t limit_ = 0;
};

struct ServerOptions {
    int backlog = 511;
    bool reuse_port = false;
    /// Handlers that run at a time; further connections wait in the kernel's queue. 0: no limit.
    std::size_t max_connections = 0;
    /// Of the connections: StreamOptions::limit.
    std::size_t limit = 64 * 1024;
    /// Bytes of stack of a handler; 0: what RunOptions says.
    std::size_t stack_size = 0;
    /// A Unix server removes its socket file when it is closed.
    bool remove_path = true;
};

namespace detail {

struct COIR_API ConnectionHandler {
    ConnectionHandler() = default;
    ConnectionHandler(const ConnectionHandler&) = delete;
    ConnectionHandler& operator=(const ConnectionHandler&) = delete;
    virtual ~ConnectionHandler();
    virtual void handle(Stream& stream) = 0;
};

template <class F>
class HandlerImpl final : public ConnectionHandler {
public:
    template <class G>
    explicit HandlerImpl(G&& f) : f_(std::forward<G>(f)) {}
    void handle(Stream& stream) override {
        if constexpr (std::is_invocable_v<F&, Stream>) {
            static_cast<void>(std::invoke(f_, std::move(stream)));
        } else {
            static_cast<void>(std::invoke(f_, stream));
        }
    }

private:
    F f_;
};

template <class F>
std::unique_ptr<ConnectionHandler> make_handler(F&& f) {
    using Fn = std::decay_t<F>;
    static_assert(std::is_invocable_v<Fn&, Stream> || std::is_invocable_v<Fn&, Stream&>,
                  "coir: a connection handler is called with a coir::Stream (by value, as Stream&& "
                  "or as Stream&)");
    return std::make_unique<HandlerImpl<Fn>>(std::forward<F>(f));
}

}  // namespace detail

/// Accepts connections and runs the handler in a task for each. Move-only.
class COIR_API Server {
public:
    /// Empty: closed, without connections.
    Server() noexcept = default;
    Server(Server&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Server& operator=(Server&& other) noexcept;
    /// Closes it and cancels the handlers; in a task of its loop it also waits for them (masked,
    /// for RunOptions::cleanup_grace at most), so that none outlives it.
    ~Server();

    /// The port of the first socket; 0 for a Unix server and once closed.
    int port() const;
    /// The descriptors that listen; none once closed. They stay the server's.
    std::vector<int> sockets() const;
    /// Where they listen.
    std::vector<Address> addresses() const;
    bool is_serving() const noexcept;
    /// Connections whose handlers run.
    std::size_t connections() const noexcept;

    /// Stops accepting; running handlers go on. Twice is harmless.
    void close() noexcept;
    /// Ends every connection in an orderly way: what was written arrives, the peer and the handler
    /// read the end of the stream, and a handler that goes on writing gets IoError(EPIPE). New
    /// connections are accepted as before: close() first. Of the calling handler's own, too.
    void close_clients() noexcept;
    /// Ends every connection at once, whatever is on its way: the peer reads a reset (TCP), the
    /// handler gets IoError(ECANCELED) or, from then on, IoError(EBADF).
    void abort_clients() noexcept;
    /// Until the server is closed and has no connections, whichever comes last.
    COIR_SUSPENDS void wait_closed();
    /// Stops accepting, gives the handlers `grace` to end, cancels those that have not, and waits
    /// for them. When it is cancelled, it cancels and joins them at once.
    template <class Rep, class Period>
    COIR_SUSPENDS void shutdown(std::chrono::duration<Rep, Period> grace) {
        shut_down(to_nanoseconds(grace));
    }
    /// Until the server is closed. When the calling task is cancelled, it closes the server,
    /// cancels the handlers and joins them. Throws InvalidStateError when another task does this
    /// already or the server is closed.
    COIR_SUSPENDS void serve_forever();

    // Internal.
    explicit Server(detail::ServerState* state) noexcept : state_(state) {}

private:
    void shut_down(Nanoseconds grace);
    detail::ServerState& state(const char* call) const;
    detail::ServerState* state_ = nullptr;
};

namespace detail {
COIR_API Server start_server(std::unique_ptr<ConnectionHandler> handler,
                             const std::vector<std::string>& hosts, int port,
                             const ServerOptions& options);
COIR_API Server start_unix_server(std::unique_ptr<ConnectionHandler> handler, std::string_view path,
                                  const ServerOptions& options);
}  // namespace detail

/// Listens at every address of `host` (an empty one: all of the machine's, IPv4 and IPv6 apart),
/// and for each connection calls `handler(stream)` in a task of its own. One handler object is
/// shared by all connections. A handler that returns closes its stream in order, if it has not
/// given it away; one that throws has it closed, and the error goes to the loop's exception
/// handler; one that is cancelled closes silently. Running out of descriptors or memory is logged,
/// and accepting goes on after a pause of 10 ms to 1 s. Port 0: the system chooses, the same for
/// all addresses. Throws IoError naming the address that cannot be had, ResolveError,
/// std::invalid_argument.
template <class F>
COIR_SUSPENDS Server start_server(F&& handler, std::string_view host, int port,
                                  const ServerOptions& options = {}) {
    return detail::start_server(detail::make_handler(std::forward<F>(handler)), {std::string(host)},
                                port, options);
}
/// The same for several hosts.
template <class F>
COIR_SUSPENDS Server start_server(F&& handler, const std::vector<std::string>& hosts, int port,
                                  const ServerOptions& options = {}) {
    return detail::start_server(detail::make_handler(std::forward<F>(handler)), hosts, port,
                                options);
}

/// The same at a Unix socket. A socket file that a dead server has left is removed first;
/// IoError(EADDRINUSE) when a server answers there or when it is no socket. close() removes the
/// file, unless it is another one by now. IoError(ENAMETOOLONG) for paths of 108 bytes and more.
template <class F>
COIR_SUSPENDS Server start_unix_server(F&& handler, std::string_view path,
                                       const ServerOptions& options = {}) {
    return detail::start_unix_server(detail::make_handler(std::forward<F>(handler)), path, options);
}

}  // namespace v0
}  // namespace coir
