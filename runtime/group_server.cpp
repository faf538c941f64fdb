// SPDX-License-Identifier: BSL-1.0
// GroupServer: one server per loop of a group, at one port. Each is touched on its own loop only.
#include "loop_group.hpp"

#include "scheduler.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <exception>
#include <stdexcept>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Counts the connections of one loop.
class CountingHandler final : public ConnectionHandler {
public:
    CountingHandler(LoopGroupCore& group, std::size_t index, std::shared_ptr<ServerSlot> slot,
                    std::unique_ptr<ConnectionHandler> handler)
        : group_(group), index_(index), slot_(std::move(slot)), handler_(std::move(handler)) {}
    void handle(Stream& stream) override {
        const GroupLoad load(group_, index_);
        struct Counted {
            std::atomic<std::size_t>& count;
            explicit Counted(std::atomic<std::size_t>& of) noexcept : count(of) { ++count; }
            ~Counted() { --count; }
        } const counted(slot_->connections);
        handler_->handle(stream);
    }

private:
    LoopGroupCore& group_;
    const std::size_t index_;
    const std::shared_ptr<ServerSlot> slot_;
    const std::unique_ptr<ConnectionHandler> handler_;
};

int start_one(LoopGroupCore& group, std::size_t index, const std::shared_ptr<ServerSlot>& slot,
              std::unique_ptr<ConnectionHandler> handler, const std::string& host, int port,
              const ServerOptions& options) {
    auto counting = std::make_unique<CountingHandler>(group, index, slot, std::move(handler));
    return run_task_threadsafe(
               group.loop(index),
               [&, counting = std::move(counting)]() mutable {
                   slot->server =
                       detail::start_server(std::move(counting), {host}, port, options);
                   try {
                       group.keep_server(index, slot);
                   } catch (...) {
                       slot->server = Server();  // its handler refers to the slot
                       throw;
                   }
                   return slot->server.port();
               })
        .get();
}

// Waits for all, and throws the first error; that, or a cancellation, cancels the others.
void await_all(std::vector<ThreadFuture<void>>& futures) {
    std::exception_ptr error;
    for (auto& future : futures) {
        try {
            if (error) future.cancel();
            future.get();
        } catch (...) {
            if (!error) error = std::current_exception();
        }
    }
    if (error) std::rethrow_exception(error);
}

// Calls `f(server)` as a task on every loop that is still open, and waits.
template <class F>
void on_all(const GroupServerState& state, F f) {
    std::vector<ThreadFuture<void>> futures;
    for (std::size_t i = 0; i < state.slots.size(); ++i) {
        try {
            futures.push_back(run_task_threadsafe(state.group->loop(i),
                                                  [slot = state.slots[i], f] { f(slot->server); }));
        } catch (const std::logic_error&) {
            // A loop that is closed has closed its servers.
        }
    }
    await_all(futures);
}

}  // namespace
}  // namespace detail

GroupServer::GroupServer() noexcept = default;
GroupServer::GroupServer(GroupServer&&) noexcept = default;
GroupServer::GroupServer(std::shared_ptr<detail::GroupServerState> state) noexcept
    : state_(std::move(state)) {}
GroupServer& GroupServer::operator=(GroupServer&& other) noexcept {
    if (this != &other) {
        join();
        state_ = std::move(other.state_);
    }
    return *this;
}
GroupServer::~GroupServer() { join(); }

// The end, whatever requests the current task has: nothing outlives the server.
void GroupServer::join() noexcept {
    if (!state_) return;
    detail::TaskBase* const self = detail::current_task_state();
    if (!self && try_get_running_loop()) {
        close();
        return;
    }
    if (self) self->mask();
    try {
        shut_down(Nanoseconds(0));
    } catch (const std::exception& error) {
        detail::log_error("coir: the end of a group's server", error.what());
    } catch (const CancelledError&) {
        // The task was masked: a server's own, whose loop has come to its end.
    }
    if (self) self->unmask();
}

int GroupServer::port() const noexcept { return state_ ? state_->port : 0; }

std::size_t GroupServer::connections() const noexcept {
    std::size_t all = 0;
    if (state_) {
        for (const auto& slot : state_->slots) all += slot->connections;
    }
    return all;
}

void GroupServer::close() noexcept {
    if (!state_) return;
    for (std::size_t i = 0; i < state_->slots.size(); ++i) {
        try {
            state_->group->loop(i).call_soon_threadsafe(
                [slot = state_->slots[i]] { slot->server.close(); });
        } catch (const std::exception&) {
            // A loop that is closed has closed its servers.
        }
    }
}

void GroupServer::shut_down(Nanoseconds grace) {
    if (!state_) return;
    detail::on_all(*state_, [grace](Server& server) {
        // The loop may have closed it already.
        if (server.is_serving() || server.connections() > 0) server.shutdown(grace);
    });
}

void GroupServer::serve_forever() {
    if (!state_) throw InvalidStateError("coir: serve_forever() of an empty server");
    try {
        detail::on_all(*state_, [](Server& server) {
            if (server.is_serving()) server.serve_forever();  // it may be closed by now
        });
    } catch (...) {
        join();  // also where it had not begun to serve
        throw;
    }
}

GroupServer LoopGroup::start_servers(std::vector<std::unique_ptr<detail::ConnectionHandler>> handlers,
                                     std::string host, int port, ServerOptions options) {
    options.reuse_port = true;
    auto state = std::make_shared<detail::GroupServerState>();
    state->group = core_;
    GroupServer server(state);
    for (std::size_t i = 0; i < handlers.size(); ++i) {
        state->slots.push_back(std::make_shared<detail::ServerSlot>());
        // With port 0, the first one's is the others'.
        state->port = detail::start_one(*core_, i, state->slots[i], std::move(handlers[i]), host,
                                        i == 0 ? port : state->port, options);
    }
    return server;
}

}  // namespace v0
}  // namespace coir
