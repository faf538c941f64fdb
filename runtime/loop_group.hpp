// SPDX-License-Identifier: BSL-1.0
// What a group's handle, its threads and its servers share.
#pragma once

#include <coir/detail/thread_result.hpp>
#include <coir/event_loop.hpp>
#include <coir/loop_group.hpp>
#include <coir/server.hpp>

#include <coir/detail/futex_lock.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// One loop's part of a GroupServer; the server is that loop's alone.
struct ServerSlot {
    Server server;
    std::atomic<std::size_t> connections{0};
};

struct GroupServerState {
    std::shared_ptr<LoopGroupCore> group;
    std::vector<std::shared_ptr<ServerSlot>> slots;  // one per loop
    int port = 0;
};

class LoopGroupCore {
public:
    LoopGroupCore(unsigned loops, const RunOptions& options);
    LoopGroupCore(const LoopGroupCore&) = delete;
    LoopGroupCore& operator=(const LoopGroupCore&) = delete;
    ~LoopGroupCore();

    static void start(const std::shared_ptr<LoopGroupCore>& self);
    std::size_t size() const noexcept { return members_.size(); }
    EventLoop& loop(std::size_t index) { return *members_.at(index)->loop; }
    std::atomic<std::size_t>& load(std::size_t index) noexcept { return members_[index]->load; }
    std::size_t least_loaded();
    /// On that loop: the slot's server is closed when the loop ends.
    void keep_server(std::size_t index, const std::shared_ptr<ServerSlot>& slot);
    bool on_own_thread() const noexcept;
    void request_stop() noexcept;
    void shutdown();

private:
    /// A thread's end, as something to wait for.
    struct End final : ThreadResultBase {
        End() noexcept : ThreadResultBase(nullptr) {}
        void reached() noexcept { complete(Outcome::value, nullptr, {}); }
        void cancel_requested(std::string&&) noexcept override {}
    };
    /// What stops a loop: it needs no memory, for without it shutdown() would wait for ever.
    struct Stop : ReadyEntry {
        EventLoop* loop = nullptr;
        std::atomic<bool> posted{false};
    };
    struct Member {
        std::unique_ptr<EventLoop> loop;
        std::thread thread;
        std::atomic<std::size_t> load{0};
        std::atomic<bool> open{true};
        std::exception_ptr failure;  // once the end is reached
        StateRef<End> end;
        Stop stop;
        std::vector<std::shared_ptr<ServerSlot>> servers;  // the loop's thread
    };
    void run(Member& member) noexcept;
    [[noreturn]] void throw_no_loop();

    std::vector<std::unique_ptr<Member>> members_;
    std::atomic<std::size_t> next_{0};  // where to begin to look, so that equals take turns
    FutexLock joining_;
    std::atomic<bool> shut_down_{false};
    FutexLock failing_;
    std::exception_ptr first_failure_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
