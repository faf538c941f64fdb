// SPDX-License-Identifier: BSL-1.0
// The simulated world: its clock, what will happen, who is where, and what goes wrong.
//
// Everything in it belongs to the thread that called simulate(); other threads read the clock and
// ask which descriptors are the world's.
#pragma once

#include "choices.hpp"
#include "descriptors.hpp"
#include "events.hpp"
#include "file_system.hpp"
#include "jobs.hpp"
#include "links.hpp"
#include "names.hpp"
#include "order.hpp"
#include "passed.hpp"
#include "processes.hpp"
#include "thread_sys.hpp"
#include "threads.hpp"
#include "trace.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class RingScript;
class StreamSocket;

class World : public std::enable_shared_from_this<World> {
public:
    explicit World(const testing::SimOptions& options);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    /// An hour after the epoch: negative offsets from "now" stay positive.
    static constexpr TimePoint beginning{std::chrono::hours(1)};
    TimePoint now() const noexcept { return TimePoint(now_.load(std::memory_order_relaxed)); }
    void advance_to(TimePoint when) noexcept {
        if (when > now()) now_.store(when.time_since_epoch(), std::memory_order_relaxed);
    }
    /// At least a microsecond: time must go on.
    void after(Nanoseconds delay, std::function<void()> action) {
        constexpr Nanoseconds least = std::chrono::microseconds(1);
        events.at(now() + std::max(delay, least), std::move(action));
    }
    /// What is due by now.
    void run_due() {
        const std::uint64_t count = events.run_due(now());
        if (count == 0) return;
        events_run += count;
        choices.mix(static_cast<std::uint64_t>(now().time_since_epoch().count()));
    }
    /// What the next loop's reactor is like.
    testing::SimReactor draw_reactor() noexcept;
    testing::SimReactor first_reactor() const noexcept { return first_reactor_; }
    /// No more faults; links keep their delays.
    void calm();
    std::uint64_t next_node() noexcept { return ++last_node_; }
    void add_stream(std::shared_ptr<StreamSocket> stream);
    std::size_t reset_streams(const Host& a, const Host& b);
    /// See Sys::error_reported().
    void error_reported(const char* text) noexcept;

    const std::uint64_t seed;
    const std::uint64_t most_turns;
    testing::SimFaults faults;
    const testing::SimFaults first_faults;  ///< before calm()
    const Trace trace;
    Choices choices;
    Order order;
    Random random;   ///< for the program's own numbers
    Random machine;  ///< for what the machine is like
    Events events;
    Links links{*this};
    Names names{*this};
    FileSystem files{*this};
    Jobs jobs{*this};
    Processes processes{*this};
    Descriptors descriptors;
    Passing passing{*this};
    Threads threads{*this};
    ThreadSys thread_sys{*this};
    std::uint64_t events_run = 0;
    std::uint64_t calls = 0;
    std::size_t reported_errors = 0;
    std::string first_report;
    RingScript* ring_script = nullptr;  ///< a test's answers to a simulated io_uring's requests

private:
    std::atomic<Nanoseconds> now_{beginning.time_since_epoch()};
    const testing::SimReactor reactor_;
    testing::SimReactor first_reactor_ = testing::SimReactor::drawn;
    std::uint64_t last_node_ = 0;
    std::vector<std::weak_ptr<StreamSocket>> streams_;
    std::size_t prune_streams_at_ = 64;
};

/// The world of this thread's simulation; null outside.
World* current_world() noexcept;
void set_current_world(World* world) noexcept;

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
