// SPDX-License-Identifier: BSL-1.0
// The simulated world's threads: programs, each on a stack of its own, that take turns on the one
// real thread. A turn ends where a loop looks at the world (Reactor::wait()), or where a thread
// blocks. Who is next is a choice. The clock goes on only when all of them sleep.
#pragma once

#include "choices.hpp"

#include <coir/detail/side_stack.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;

/// What a thread sleeps on.
class Sleep {
public:
    explicit Sleep(TimePoint until) : deadline(until) {}
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;
    /// Whether it is over before its time.
    virtual bool is_over() noexcept = 0;
    /// A real descriptor that threads outside the world make readable to end it, or -1.
    virtual int wake_fd() const noexcept { return -1; }
    /// Something is under way outside, and the clock must stand still for it.
    virtual bool is_outside() const noexcept { return false; }

    const TimePoint deadline;

protected:
    ~Sleep() = default;
};

class Threads {
public:
    explicit Threads(World& world);
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads();

    /// Begins when it is chosen for the first time. Returns its number; the first thread's is 0.
    std::size_t start(std::string name, std::function<void()> body);
    bool has_ended(std::size_t number) const noexcept;
    /// Sleeps until the thread has ended.
    void join(std::size_t number);

    /// Perhaps some other thread's turn. `must`: another's, if any can run.
    void pass(bool must = false);
    /// Returns when `sleep` is over or its deadline has come; false: it never will, as nothing is
    /// left that could end it.
    bool wait(Sleep& sleep);

    /// The first thread has ended, with an error or without: waits for all others, and returns the
    /// first error. After an error, threads that sleep are told that it is for ever.
    std::exception_ptr finish(std::exception_ptr error);
    const std::string& current_name() const noexcept;
    /// Whether it is to be ended because it goes on and on; asking resets it.
    bool take_endless() noexcept { return std::exchange(endless_, false); }
    std::size_t alive() const noexcept { return alive_; }
    static bool is_only_real_thread() noexcept;

private:
    struct Thread {
        std::string name;
        std::function<void()> body;
        std::unique_ptr<SideStack> stack;
        Sleep* sleep = nullptr;
        bool ended = false;
        bool stuck = false;         // what wait() has to say
        TimePoint stopped_until{};  // while the simulation is being ended: not stuck again before
    };
    static void run(void* threads);
    void drop_ended();
    void end_current();
    bool can_run(Thread& thread) const noexcept;
    Thread* choose(bool must);
    void go_to(Thread& thread) noexcept;
    Thread* first_sleeper() noexcept;
    void let_time_pass();
    bool wait_outside(bool jobs_only);
    void give_up_on(Thread& failed, std::exception_ptr error) noexcept;

    World& world_;
    std::vector<std::unique_ptr<Thread>> threads_;  // by number
    std::vector<Thread*> running_;  // by age, with some that have ended
    Thread* current_;
    std::size_t alive_ = 1;
    std::exception_ptr error_;
    bool finishing_ = false;
    std::uint64_t turns_ = 0;
    bool endless_ = false;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
