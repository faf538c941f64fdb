// SPDX-License-Identifier: BSL-1.0
// Several loops, each on a thread of its own: how a program uses more than one core. Tasks stay on
// the loop that they begin on.
//
// Threads: everything here may be called from any thread, tasks of the group's own loops included;
// what waits suspends a task, and blocks a thread without a loop.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/event_loop.hpp>
#include <coir/server.hpp>
#include <coir/thread_future.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class LoopGroupCore;
struct GroupServerState;

/// One task or connection more on a loop of a group, for as long as it lives.
class COIR_API GroupLoad {
public:
    /// On the least loaded loop that is open; throws as LoopGroup::create_task() when there is none.
    explicit GroupLoad(LoopGroupCore& group);
    GroupLoad(LoopGroupCore& group, std::size_t index) noexcept;
    GroupLoad(GroupLoad&& other) noexcept
        : group_(std::exchange(other.group_, nullptr)), index_(other.index_) {}
    GroupLoad& operator=(GroupLoad&&) = delete;
    ~GroupLoad();
    EventLoop& loop() const noexcept;

private:
    LoopGroupCore* group_;
    std::size_t index_;
};

template <class F>
struct GroupBody {
    F f;
    GroupLoad load;
    decltype(auto) operator()() { return std::invoke(std::move(f)); }
};

}  // namespace detail

/// A server on every loop of a group, at one port; the kernel spreads the connections. Move-only.
class COIR_API GroupServer {
public:
    /// Empty: closed, without connections.
    GroupServer() noexcept;
    GroupServer(GroupServer&&) noexcept;
    GroupServer& operator=(GroupServer&& other) noexcept;
    /// As shutdown(0s). In a callback of a loop it does not wait.
    ~GroupServer();

    int port() const noexcept;
    /// Connections whose handlers run, on all loops.
    std::size_t connections() const noexcept;
    /// Stops accepting, soon; running handlers go on. Twice is harmless.
    void close() noexcept;
    /// As Server::shutdown() on every loop at once.
    template <class Rep, class Period>
    COIR_SUSPENDS void shutdown(std::chrono::duration<Rep, Period> grace) {
        shut_down(to_nanoseconds(grace));
    }
    /// Until it is closed, or the group shut down. When the calling task is cancelled, it closes the
    /// servers, cancels the handlers and joins them. Returns at once when it is closed already; throws
    /// InvalidStateError for an empty one, and when another task does this.
    COIR_SUSPENDS void serve_forever();

    // Internal.
    explicit GroupServer(std::shared_ptr<detail::GroupServerState> state) noexcept;

private:
    void shut_down(Nanoseconds grace);
    void join() noexcept;
    std::shared_ptr<detail::GroupServerState> state_;
};

class COIR_API LoopGroup {
public:
    /// Makes the loops and starts their threads ("coir-loop-0", ...). 0 loops: one per processor that
    /// this process may use. Throws what EventLoop's constructor throws, std::invalid_argument for
    /// more than 1024 loops, std::system_error when a thread cannot be started.
    explicit LoopGroup(unsigned loops = 0, RunOptions options = {});
    LoopGroup(const LoopGroup&) = delete;
    LoopGroup& operator=(const LoopGroup&) = delete;
    /// As shutdown(), but that errors are only logged. On a thread of the group it does not wait.
    ~LoopGroup();

    std::size_t size() const noexcept;
    /// std::out_of_range when there is no such loop. It lives until the group is destroyed.
    EventLoop& loop(std::size_t index) const;

    /// Runs `f()` as a task of the least loaded loop: the one with the fewest such tasks and server
    /// connections. As run_task_threadsafe(). InvalidStateError after shutdown(); when all loops have
    /// failed, what the first of them has failed with.
    template <class F>
    auto create_task(F&& f) -> ThreadFuture<std::invoke_result_t<std::decay_t<F>>> {
        using Fn = std::decay_t<F>;
        detail::require_callable(f);
        detail::GroupLoad load(*core_);
        EventLoop& on = load.loop();
        return run_task_threadsafe(
            on, [body = detail::GroupBody<Fn>{std::forward<F>(f), std::move(load)}]() mutable
                -> std::invoke_result_t<Fn> { return body(); });
    }
    /// Runs a copy of `f` as a task on every loop: `f()`, or `f(i)` with the loop's index. Throws
    /// std::logic_error when one of them is closed.
    template <class F>
    auto on_each(const F& f) {
        using Fn = std::decay_t<F>;
        constexpr bool indexed = std::is_invocable_v<Fn&, std::size_t>;
        const auto call = [](Fn& mine, std::size_t index) -> decltype(auto) {
            if constexpr (indexed) {
                return std::invoke(mine, index);
            } else {
                return std::invoke(mine);
            }
        };
        using Result = decltype(call(std::declval<Fn&>(), 0));
        std::vector<ThreadFuture<Result>> futures;
        futures.reserve(size());
        for (std::size_t i = 0; i < size(); ++i) {
            futures.push_back(run_task_threadsafe(
                loop(i), [mine = Fn(f), call, i]() mutable -> Result { return call(mine, i); }));
        }
        return futures;
    }
    /// start_server() on every loop, at one port, with ServerOptions::reuse_port; each loop has a
    /// copy of the handler. Port 0: the system chooses. When one of them fails, the others are closed
    /// and the error is thrown. `options.max_connections` counts for each loop.
    template <class F>
    COIR_SUSPENDS GroupServer start_server(const F& handler, std::string_view host, int port,
                                           const ServerOptions& options = {}) {
        std::vector<std::unique_ptr<detail::ConnectionHandler>> handlers;
        for (std::size_t i = 0; i < size(); ++i) {
            std::decay_t<F> copy = handler;
            handlers.push_back(detail::make_handler(std::move(copy)));
        }
        return start_servers(std::move(handlers), std::string(host), port, options);
    }
    /// Closes all loops (their tasks are cancelled and drained, as by EventLoop::close()) and joins
    /// their threads. Not cut short by a cancellation. Throws what a loop's thread has ended with (a
    /// reactor that failed, DeadlockError), once. Repeated calls wait, too. std::logic_error on a
    /// thread of the group.
    COIR_SUSPENDS void shutdown();

private:
    GroupServer start_servers(std::vector<std::unique_ptr<detail::ConnectionHandler>> handlers,
                              std::string host, int port, ServerOptions options);

    std::shared_ptr<detail::LoopGroupCore> core_;
};

}  // namespace v0
}  // namespace coir
