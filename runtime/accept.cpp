// SPDX-License-Identifier: BSL-1.0
// Accepting: the loop of a Server, and Listener.
#include <algorithm>
#include <cerrno>
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>
#include <exception>
#include <stdexcept>
#include <string>

#include "resolver.hpp"
#include "server_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr Nanoseconds first_pause = std::chrono::milliseconds(10);
constexpr Nanoseconds longest_pause = std::chrono::seconds(1);
constexpr int most_lost_in_a_row = 64;

// When accepting fails for want of something: pauses that double, and a line in the log per second.
class Backoff {
public:
    explicit Backoff(Scheduler& scheduler) : scheduler_(scheduler) {}
    void succeeded() noexcept {
        pause_ = first_pause;
        lost_ = 0;
    }
    /// A connection was gone before it was taken. Only if that goes on there is a pause.
    void lost_connection() {
        if (++lost_ >= most_lost_in_a_row) rest();
    }
    void failed(const std::string& why) {
        const TimePoint now = scheduler_.now();
        if (!said_ || now - said_at_ >= std::chrono::seconds(1)) {
            log(LogLevel::warning,
                "coir: a server cannot accept connections: " + why + "; it will try again");
            said_ = true;
            said_at_ = now;
        }
        rest();
    }

private:
    void rest() {
        const Nanoseconds pause = pause_;
        pause_ = std::min(pause_ * 2, longest_pause);
        sleep(pause);
    }
    Scheduler& scheduler_;
    Nanoseconds pause_ = first_pause;
    TimePoint said_at_{};
    bool said_ = false;
    int lost_ = 0;
};

// The listener itself cannot be used (any more).
bool is_fatal(std::int32_t result) noexcept {
    return result == -EBADF || result == -EINVAL || result == -ENOTSOCK || result == -EOPNOTSUPP;
}

}  // namespace

void ServerState::serve(std::vector<LoopPtr<LoopFd>> sockets) {
    sockets_ = std::move(sockets);
    try {
        for (const LoopPtr<LoopFd>& socket : sockets_) {
            struct Accepting {
                LoopPtr<ServerState> server;
                LoopPtr<LoopFd> listener;
                void operator()() { server->accept_connections(*listener); }
                Accepting(LoopPtr<ServerState> s, LoopPtr<LoopFd> l) noexcept
                    : server(std::move(s)), listener(std::move(l)) {
                    ++server->accepting_;
                }
                Accepting(Accepting&&) noexcept = default;
                Accepting(const Accepting&) = delete;
                Accepting& operator=(const Accepting&) = delete;
                ~Accepting() {
                    if (!server) return;
                    --server->accepting_;
                    server->wake_if_idle();
                }
            };
            TaskOptions options;
            options.name = "server";
            auto task = start_task(scheduler(), &options,
                                   Accepting(LoopPtr<ServerState>::share(this), socket));
            acceptors_.push_back(task.ref());
        }
    } catch (...) {
        close();
        throw;
    }
}

void ServerState::serve_path(LoopPtr<LoopFd> socket, UnixPath path) {
    path_ = std::move(path);
    std::vector<LoopPtr<LoopFd>> sockets;
    sockets.push_back(std::move(socket));
    serve(std::move(sockets));
}

void ServerState::wait_for_slot() {
    while (options_.max_connections != 0 && connections_ >= options_.max_connections) {
        WaitNode node;
        slot_waiters_.wait(node, "a connection to end (max_connections)");
    }
}

// The one place where a server takes connections.
void ServerState::accept_connections(LoopFd& listener) {
    Backoff backoff(scheduler());
    while (!closed_) {
        wait_for_slot();
        Address peer;
        const std::int32_t result = accept_on(listener, peer);
        if (result >= 0) {
            Fd connection(result);
            wait_for_slot();  // with several sockets, another one may have been quicker
            if (closed_) return;
            try {
                start_connection(std::move(connection), peer);
                backoff.succeeded();
            } catch (const std::exception& error) {
                backoff.failed(error.what());
            }
        } else if (result == -ECANCELED || closed_) {
            continue;  // closed, whatever the accept came to; or a cancel request that was taken back
        } else if (is_lost_connection(result)) {
            backoff.lost_connection();
        } else if (is_fatal(result)) {
            scheduler().report({"a server has stopped accepting connections",
                                std::make_exception_ptr(IoError(-result, "accept", listener.fd())),
                                current_task()});
            return;
        } else {
            backoff.failed(std::generic_category().message(-result));
        }
    }
}

}  // namespace detail

// --- Listener -----------------------------------------------------------------------------------

namespace {

using detail::LoopFd;

LoopFd& open_socket(LoopFd* socket, const char* call) {
    if (!socket || !socket->is_open()) detail::throw_io(-EBADF, call, -1, "the listener is closed");
    return *socket;
}

void drop_listener(LoopFd* socket) noexcept {
    if (!socket) return;
    detail::drop_on_loop(*socket, [](detail::LoopObject& object) noexcept {
        static_cast<LoopFd&>(object).close_now();
        object.drop_ref();
    });
}

detail::LoopPtr<LoopFd> listen_somewhere(detail::Scheduler& scheduler, std::string_view host,
                                         int port, const detail::BindOptions& options) {
    std::vector<Address> addresses;
    if (host.empty()) {
        addresses = {Address("::", port), Address("0.0.0.0", port)};
    } else {
        addresses = detail::resolve_addresses(host, port, AF_UNSPEC, true);
    }
    std::exception_ptr first_error;
    for (const Address& address : addresses) {
        try {
            return detail::listen_at(scheduler, address, options);
        } catch (const IoError&) {
            if (!first_error) first_error = std::current_exception();
        }
    }
    std::rethrow_exception(first_error);
}

}  // namespace

Listener Listener::listen(std::string_view host, int port, const ListenOptions& options) {
    detail::TaskBase& self = detail::enter_suspension_point("listen");
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    detail::require_host(host);
    detail::require_port(port);
    auto socket = listen_somewhere(self.scheduler(), host, port,
                                   {options.backlog, options.reuse_port, !host.empty()});
    return Listener(socket.release(), options.limit);
}

Listener::~Listener() { drop_listener(socket_); }

Listener& Listener::operator=(Listener&& other) noexcept {
    if (this == &other) return *this;
    drop_listener(std::exchange(socket_, std::exchange(other.socket_, nullptr)));
    limit_ = other.limit_;
    return *this;
}

Stream Listener::accept() {
    const auto socket = detail::LoopPtr<LoopFd>::share(&open_socket(socket_, "accept"));
    detail::TaskBase& self = socket->require_own_task("accept");
    const std::size_t limit = limit_;
    for (;;) {
        const int at = socket->fd();
        Address peer;
        const std::int32_t result = detail::accept_on(*socket, peer);
        if (result >= 0) {
            Fd fd(result);
            auto state = detail::LoopPtr<detail::StreamState>::make(
                self.scheduler(), fd.get(), StreamOptions{limit}, peer.family());
            static_cast<void>(fd.release());
            state->made_here = true;
            state->set_peer(peer);
            return Stream(state.release());
        }
        if (result == -ECANCELED && socket->is_open()) continue;  // a request that was taken back
        if (!detail::is_lost_connection(result)) detail::throw_io(result, "accept", at);
    }
}

void Listener::close() noexcept {
    if (socket_) socket_->close_now();
}
bool Listener::is_open() const noexcept { return socket_ && socket_->is_open(); }
int Listener::port() const { return address().port(); }
Address Listener::address() const {
    return detail::socket_address(open_socket(socket_, "address"), false).value_or(Address());
}
int Listener::native_handle() const noexcept { return socket_ ? socket_->fd() : -1; }

}  // namespace v0
}  // namespace coir
