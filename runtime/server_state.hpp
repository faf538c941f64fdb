// SPDX-License-Identifier: BSL-1.0
// What a Server points to.
//
//   serving --close()--> closed --the last handler ends--> idle
#pragma once

#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/server.hpp>
#include <coir/task.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "listening.hpp"
#include "loop_object.hpp"
#include "stream_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

class ServerState final : public LoopObject {
public:
    ServerState(Scheduler& scheduler, std::unique_ptr<ConnectionHandler> handler,
                const ServerOptions& options)
        : LoopObject(scheduler), handler_(std::move(handler)), options_(options) {}

    /// Starts one accepting task per socket.
    void serve(std::vector<LoopPtr<LoopFd>> sockets);
    void serve_path(LoopPtr<LoopFd> socket, UnixPath path);
    void close() noexcept;
    void close_clients() noexcept;
    void abort_clients() noexcept;
    void wait_closed();
    void serve_forever();
    void shut_down(Nanoseconds grace);
    /// The end of the handle.
    void end() noexcept;

    bool closed() const noexcept { return closed_; }
    std::size_t connections() const noexcept { return connections_; }
    const std::vector<LoopPtr<LoopFd>>& sockets() const noexcept { return sockets_; }

private:
    friend class ConnectionTask;

    void accept_connections(LoopFd& listener);
    void start_connection(Fd connection, const Address& peer);
    void handle(Stream stream, StreamState& state);
    void connection_ended(StreamState& stream) noexcept;
    bool idle() const noexcept { return connections_ == 0 && accepting_ == 0; }
    void wake_if_idle() noexcept;
    void wait_for_slot();
    void cancel_handlers() noexcept;
    bool wait_idle(Nanoseconds limit);
    void join_handlers() noexcept;
    bool is_own_handler(const TaskBase* task) noexcept;

    std::unique_ptr<ConnectionHandler> handler_;
    ServerOptions options_;
    std::vector<LoopPtr<LoopFd>> sockets_;
    std::vector<TaskRef> acceptors_;
    UnixPath path_;
    std::size_t connections_ = 0;
    std::size_t accepting_ = 0;
    bool closed_ = false;
    bool serving_forever_ = false;
    IntrusiveList<ServerLink> streams_;
    WaitQueue slot_waiters_;   // acceptors, while max_connections handlers run
    WaitQueue close_waiters_;  // until closed
    WaitQueue idle_waiters_;   // until closed and idle
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
