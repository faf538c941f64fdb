// SPDX-License-Identifier: BSL-1.0
// Server: handlers, and the end. Accepting is in accept.cpp.
#include <algorithm>
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>
#include <stdexcept>
#include <string>

#include "resolver.hpp"
#include "server_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

ConnectionHandler::~ConnectionHandler() = default;

// --- A connection -------------------------------------------------------------------------------

// What the task of a connection runs. If it is cancelled before its first step, the destructor is
// all that happens: it closes the stream and signs the connection off.
class ConnectionTask {
public:
    ConnectionTask(ServerState& server, LoopPtr<StreamState> state) noexcept
        : server_(LoopPtr<ServerState>::share(&server)),
          state_(LoopPtr<StreamState>::share(state.get())),
          stream_(state.release()) {}
    ConnectionTask(ConnectionTask&&) noexcept = default;
    ConnectionTask(const ConnectionTask&) = delete;
    ConnectionTask& operator=(const ConnectionTask&) = delete;
    ~ConnectionTask() {
        if (!server_) return;
        state_->hosted = false;
        stream_ = Stream();
        server_->connection_ended(*state_);
    }
    void operator()() { server_->handle(std::move(stream_), *state_); }

private:
    LoopPtr<ServerState> server_;
    LoopPtr<StreamState> state_;
    Stream stream_;
};

void ServerState::start_connection(Fd connection, const Address& peer) {
    auto state = LoopPtr<StreamState>::make(scheduler(), connection.get(),
                                            StreamOptions{options_.limit}, peer.family());
    static_cast<void>(connection.release());
    state->made_here = true;
    state->set_peer(peer);
    StreamState& stream = *state;
    stream.hosted = true;
    streams_.push_back(stream);
    ++connections_;
    TaskOptions task_options;
    task_options.stack_size = options_.stack_size;
    // A start that fails destroys the callable, which closes the stream and signs it off.
    auto task = start_task(scheduler(), &task_options, ConnectionTask(*this, std::move(state)));
    stream.handler = &task.state();
}

void ServerState::handle(Stream stream, StreamState& state) {
    bool in_order = false;
    try {
        handler_->handle(stream);
        in_order = true;
    } catch (const CancelledError&) {
        state.hosted = false;
        throw;
    } catch (...) {
        scheduler().report(
            {"exception in a connection handler", std::current_exception(), current_task()});
    }
    const bool ours = stream.is_open() || state.dropped();
    state.hosted = false;
    // A handler that keeps the stream elsewhere keeps it.
    if (!ours || !state.is_open()) return;
    if (in_order) {
        state.close_in_order();
    } else {
        state.close_now();
    }
}

void ServerState::connection_ended(StreamState& stream) noexcept {
    if (stream.dropped()) stream.close_now();
    static_cast<ServerLink&>(stream).unlink();
    stream.handler = nullptr;
    --connections_;
    slot_waiters_.wake_all();
    wake_if_idle();
}

// --- The end ------------------------------------------------------------------------------------

void ServerState::wake_if_idle() noexcept {
    if (closed_ && idle()) idle_waiters_.wake_all();
}

void ServerState::close() noexcept {
    if (closed_) return;
    closed_ = true;
    if (options_.remove_path) remove_unix_path(scheduler(), path_);
    for (const TaskRef& acceptor : acceptors_) acceptor.state().cancel_requested({});
    for (const LoopPtr<LoopFd>& socket : sockets_) socket->close_now();
    close_waiters_.wake_all();
    wake_if_idle();
}

void ServerState::close_clients() noexcept {
    for (ServerLink* link = streams_.front(); link; link = streams_.next(*link)) {
        static_cast<StreamState*>(link)->end_both_ways();
    }
}

void ServerState::abort_clients() noexcept {
    for (ServerLink* link = streams_.front(); link; link = streams_.next(*link)) {
        static_cast<StreamState*>(link)->reset_now();
    }
}

void ServerState::cancel_handlers() noexcept {
    for (ServerLink* link = streams_.front(); link; link = streams_.next(*link)) {
        TaskBase* handler = static_cast<StreamState*>(link)->handler;
        if (handler && handler != current_task_state()) handler->cancel_requested({});
    }
}

bool ServerState::is_own_handler(const TaskBase* task) noexcept {
    for (ServerLink* link = streams_.front(); link; link = streams_.next(*link)) {
        if (static_cast<StreamState*>(link)->handler == task) return true;
    }
    return false;
}

// Until closed and without connections; false when `limit` is over before.
bool ServerState::wait_idle(Nanoseconds limit) {
    if (closed_ && idle()) return true;
    return wait_until(idle_waiters_, "a server's connections",
                      saturating_add(scheduler().now(), limit));
}

void ServerState::wait_closed() {
    TaskBase& self = enter_suspension_point("wait_closed");
    const auto keep = LoopPtr<ServerState>::share(this);
    if (closed_ && idle()) {
        leave_without_suspending(self);
        return;
    }
    wait_idle(Nanoseconds::max());
}

void ServerState::serve_forever() {
    static_cast<void>(enter_suspension_point("serve_forever"));
    if (serving_forever_) {
        throw InvalidStateError("coir: serve_forever() of a server that another task serves");
    }
    if (closed_) throw InvalidStateError("coir: serve_forever() of a closed server");
    const auto keep = LoopPtr<ServerState>::share(this);
    serving_forever_ = true;
    try {
        WaitNode node;
        close_waiters_.wait(node, "serve_forever");
    } catch (...) {
        serving_forever_ = false;
        join_handlers();
        throw;
    }
    serving_forever_ = false;
}

void ServerState::shut_down(Nanoseconds grace) {
    const auto keep = LoopPtr<ServerState>::share(this);
    close();
    try {
        static_cast<void>(enter_suspension_point("shutdown"));
        if (grace.count() > 0 && wait_idle(grace)) return;
    } catch (const CancelledError&) {
        join_handlers();
        throw;
    }
    join_handlers();
}

// Closes, cancels and waits, whatever requests the current task has: nothing must outlive the
// server. A handler that ends its own server is not waited for, and what does not end within the
// loop's grace is named.
void ServerState::join_handlers() noexcept {
    close();
    cancel_handlers();
    if (idle()) return;
    TaskBase* self = current_task_state();
    if (!self || &self->scheduler() != &scheduler() || is_own_handler(self)) return;
    self->mask();
    bool done = false;
    try {
        done = wait_idle(scheduler().options().cleanup_grace);
    } catch (...) {
        // Masked: only memory for a timer can be what is missing. Without a limit, then.
        WaitNode node;
        idle_waiters_.wait(node, "a server's connections");
        done = true;
    }
    self->unmask();
    if (!done) {
        log(LogLevel::error,
            "coir: " + std::to_string(connections_) +
                " connection handlers did not end when their server was destroyed");
    }
}

void ServerState::end() noexcept {
    if (scheduler().closed()) {
        // The tasks are gone, and so are the sockets when the last reference goes.
        if (!closed_ && options_.remove_path) remove_unix_path(scheduler(), path_);
        closed_ = true;
        return;
    }
    join_handlers();
}

Server start_server(std::unique_ptr<ConnectionHandler> handler,
                    const std::vector<std::string>& hosts, int port, const ServerOptions& options) {
    TaskBase& self = enter_suspension_point("start_server");
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    std::vector<Address> addresses;
    for (const std::string& host : hosts) {
        for (const Address& address : resolve_addresses(host, port, AF_UNSPEC, true)) {
            if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
                addresses.push_back(address);
            }
        }
    }
    if (addresses.empty()) throw std::invalid_argument("coir: start_server without a host");
    BindOptions bind_options{options.backlog, options.reuse_port, true};
    auto sockets = listen_at_all(self.scheduler(), std::move(addresses), bind_options);
    auto state = LoopPtr<ServerState>::make(self.scheduler(), std::move(handler), options);
    state->serve(std::move(sockets));
    return Server(state.release());
}

Server start_unix_server(std::unique_ptr<ConnectionHandler> handler, std::string_view path,
                         const ServerOptions& options) {
    TaskBase& self = enter_suspension_point("start_unix_server");
    if (options.limit == 0) throw std::invalid_argument("coir: a stream's limit must not be 0");
    auto state = LoopPtr<ServerState>::make(self.scheduler(), std::move(handler), options);
    UnixPath created;
    auto socket = listen_at_path(self.scheduler(), path, {options.backlog, false, true}, created);
    state->serve_path(std::move(socket), std::move(created));
    return Server(state.release());
}

}  // namespace detail

namespace {
void drop_server(detail::ServerState* state) noexcept {
    if (!state) return;
    detail::drop_on_loop(*state, [](detail::LoopObject& object) noexcept {
        auto& server = static_cast<detail::ServerState&>(object);
        server.end();
        server.drop_ref();
    });
}
}  // namespace

Server::~Server() { drop_server(state_); }

Server& Server::operator=(Server&& other) noexcept {
    if (this != &other) drop_server(std::exchange(state_, std::exchange(other.state_, nullptr)));
    return *this;
}

detail::ServerState& Server::state(const char* call) const {
    if (!state_) {
        throw InvalidStateError(std::string("coir: ") + call + " of an empty or moved-from server");
    }
    return *state_;
}

int Server::port() const {
    const std::vector<Address> all = addresses();
    return all.empty() ? 0 : all.front().port();
}
std::vector<int> Server::sockets() const {
    std::vector<int> fds;
    if (!is_serving()) return fds;
    for (const auto& socket : state_->sockets()) fds.push_back(socket->fd());
    return fds;
}
std::vector<Address> Server::addresses() const {
    std::vector<Address> all;
    if (!is_serving()) return all;
    for (const auto& socket : state_->sockets()) {
        if (auto address = detail::socket_address(*socket, false)) all.push_back(*address);
    }
    return all;
}
bool Server::is_serving() const noexcept { return state_ && !state_->closed(); }
std::size_t Server::connections() const noexcept { return state_ ? state_->connections() : 0; }
void Server::close() noexcept {
    if (state_) state_->close();
}
void Server::close_clients() noexcept {
    if (state_) state_->close_clients();
}
void Server::abort_clients() noexcept {
    if (state_) state_->abort_clients();
}
void Server::wait_closed() { state("wait_closed").wait_closed(); }
void Server::shut_down(Nanoseconds grace) { state("shutdown").shut_down(grace); }
void Server::serve_forever() { state("serve_forever").serve_forever(); }

}  // namespace v0
}  // namespace coir
