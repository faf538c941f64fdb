// SPDX-License-Identifier: BSL-1.0
// Random trees of gather, timeouts, task groups, locks and queues under random cancellations, in
// virtual time and drawn orders. Whatever happens, every task that began ends, a request is taken
// back by whoever made it, nothing is held, queued or armed afterwards.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// What a leaf throws.
struct Planned : std::runtime_error {
    Planned() : std::runtime_error("planned") {}
};

class Storm {
public:
    explicit Storm(std::uint64_t seed) : random_(seed) {}

    /// The main task: a few trees, and somebody who cancels tasks at random.
    void run() {
        std::vector<coir::Task<void>> trees;
        const int count = 2 + below(4);
        for (int i = 0; i < count; ++i) {
            trees.push_back(coir::create_task([this] { root(); }));
        }
        auto canceller = coir::create_task([this] { cancel_at_random(); });
        for (const auto& tree : trees) {
            try {
                coir::await(tree);
            } catch (const coir::TaskCancelledError&) {
            }
        }
        over_ = true;
        coir::await(canceller);
        check_nothing_is_left();
    }

    int cancels() const { return cancels_; }
    int timeouts() const { return timeouts_; }
    int groups() const { return groups_; }

private:
    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
    bool one_in(int n) { return below(n) == 0; }
    std::chrono::milliseconds some_time() { return std::chrono::milliseconds(below(6)); }

    /// Counts the bodies that have been entered and not left.
    struct Body {
        explicit Body(Storm& s) : storm(s) { ++storm.alive_; }
        Body(const Body&) = delete;
        Body& operator=(const Body&) = delete;
        ~Body() { --storm.alive_; }
        Storm& storm;
    };

    /// A job's callable: counted as long as any copy of it exists.
    class Counted {
    public:
        Counted(Storm& storm, int depth) : storm_(&storm), depth_(depth) { ++storm_->callables_; }
        Counted(const Counted& other) : storm_(other.storm_), depth_(other.depth_) {
            ++storm_->callables_;
        }
        Counted& operator=(const Counted&) = delete;
        ~Counted() { --storm_->callables_; }
        int operator()() const {
            Body body(*storm_);
            return storm_->work(depth_);
        }

    private:
        Storm* storm_;
        int depth_;
    };

    void root() {
        const coir::TaskRef self = coir::current_task();
        try {
            Body body(*this);
            work(5);
        } catch (const coir::CancelledError&) {
            // Only somebody's cancel() may end a root this way, never a scope's request.
            if (self.cancelling() == 0) ++wrong_;
            throw;
        } catch (const std::exception&) {
        }
        // What is left was asked from outside: the scopes have taken theirs back.
        if (self.cancelling() > asked(self)) ++wrong_;
        const bool waits = self.cancelling() > 0;
        while (self.cancelling() > 0) self.uncancel();
        if (waits) coir::sleep(1ms);  // withdrawn: must not throw
    }

    std::uint32_t asked(const coir::TaskRef& task) const {
        std::uint32_t count = 0;
        for (const auto& [id, times] : asked_) {
            if (id == task.id()) count += times;
        }
        return count;
    }

    /// Some steps, each of them a leaf or a combinator of smaller work.
    int work(int depth) {
        int total = 0;
        const int steps = 1 + below(4);
        for (int i = 0; i < steps; ++i) {
            total += depth == 0 || one_in(3) ? leaf() : combine(depth - 1);
        }
        return total;
    }

    int leaf() {
        switch (below(9)) {
            case 0:
                coir::yield_now();
                break;
            case 1:
                use_lock();
                break;
            case 2:
                put_item();
                break;
            case 3:
                take_item();
                break;
            case 4:
                clean_up_slowly();
                break;
            case 5:
                coir::no_cancel([this] { coir::sleep(some_time()); });
                break;
            case 6:
                if (one_in(4)) throw Planned();
                break;
            case 7:
                wait_in_destructor();
                break;
            default:
                coir::sleep(some_time());
                break;
        }
        return 1;
    }

    void use_lock() {
        std::scoped_lock hold(lock_);
        if (std::exchange(held_, true)) ++wrong_;
        struct Release {
            bool& held;
            ~Release() { held = false; }
        } release{held_};
        coir::sleep(some_time());
    }

    void put_item() {
        queue_.put(1);
        ++put_;
    }

    void take_item() {
        try {
            const int item = coir::wait_for([this] { return queue_.get(); }, some_time());
            taken_ += item;
        } catch (const coir::TimeoutError&) {
            ++timeouts_;
        }
    }

    void clean_up_slowly() {
        try {
            coir::sleep(some_time());
        } catch (const coir::CancelledError&) {
            if (one_in(4)) return;  // swallows it
            if (one_in(4)) throw Planned();
            coir::no_cancel([this] { coir::sleep(some_time()); });
            throw;
        }
    }

    void wait_in_destructor() {
        struct Waits {
            Storm& storm;
            ~Waits() {
                try {
                    coir::with_timeout(2ms, [this] { coir::sleep(storm.some_time()); });
                } catch (const coir::TimeoutError&) {
                    ++storm.timeouts_;
                } catch (const coir::CancelledError&) {
                    // Not while unwinding; otherwise as from any wait, but a destructor keeps it.
                    if (std::uncaught_exceptions() > 0) ++storm.wrong_;
                }
            }
        } waits{*this};
        coir::sleep(some_time());
    }

    int combine(int depth) {
        const std::uint32_t before = coir::current_task().cancelling();
        int result = 0;
        try {
            result = combine_some_way(depth);
        } catch (const coir::TimeoutError&) {
            ++timeouts_;
        } catch (const coir::ExceptionGroup& group) {
            ++groups_;
            if (!group) ++wrong_;
        } catch (const Planned&) {
        } catch (const coir::TaskCancelledError&) {
        }
        if (coir::current_task().cancelling() < before) ++wrong_;
        return result;
    }

    int combine_some_way(int depth) {
        const Counted job(*this, depth);
        switch (below(7)) {
            case 0:
                return std::get<0>(coir::gather(job, job));
            case 1:
                return coir::gather(std::vector<Counted>(2, job)).front();
            case 2:
                return coir::with_timeout(some_time(), [&] { return work(depth); });
            case 3:
                return coir::wait_for(coir::create_task(job), some_time());
            case 4:
                return run_group(job);
            case 5:
                return coir::await(coir::create_task(job));
            default:
                return std::get<0>(coir::gather(coir::shield(job), job));
        }
    }

    int run_group(const Counted& job) {
        return coir::with_task_group([&](coir::TaskGroup& group) {
            const int count = below(3);
            for (int i = 0; i < count; ++i) group.create_task(job);
            int total = 0;
            if (one_in(2)) total += leaf();
            if (one_in(5)) group.cancel();
            return total;
        });
    }

    void cancel_at_random() {
        while (!over_) {
            coir::sleep(1ms);
            // What waits for the queue forever is a deadlock that the storm makes itself.
            if (queue_.full()) taken_ += queue_.get_nowait();
            if (one_in(2)) continue;
            const std::vector<coir::TaskRef> all = coir::all_tasks();
            const auto& victim = all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
            if (victim == coir::current_task() || victim.name() == "main") continue;
            asked_.emplace_back(victim.id(), 1u);
            if (victim.cancel()) ++cancels_;
        }
    }

    void check_nothing_is_left() {
        // Shielded jobs live on: let them end.
        for (int i = 0; i < 10'000 && coir::all_tasks().size() > 1; ++i) {
            coir::sleep(1ms);
            if (queue_.full()) taken_ += queue_.get_nowait();
        }
        CHECK(coir::all_tasks().size() == 1);
        CHECK(coir::current_task().cancelling() == 0);
        CHECK(coir::get_running_loop().metrics().timers == 0);
        CHECK(alive_ == 0);
        CHECK(callables_ == 0);
        CHECK(wrong_ == 0);
        CHECK_FALSE(lock_.locked());
        CHECK_FALSE(held_);
        CHECK(put_ == taken_ + static_cast<int>(queue_.size()));
    }

    std::mt19937_64 random_;
    coir::Lock lock_;
    coir::Queue<int> queue_{4};
    bool held_ = false;
    bool over_ = false;
    int alive_ = 0;
    int callables_ = 0;
    int wrong_ = 0;
    int put_ = 0;
    int taken_ = 0;
    int cancels_ = 0;
    int timeouts_ = 0;
    int groups_ = 0;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> asked_;
};

}  // namespace

TEST_CASE("storm: random trees under random cancellations end, and leave nothing behind") {
    int cancels = 0;
    int timeouts = 0;
    int groups = 0;
    const std::uint64_t seeds = coir_test::time_factor() > 1 ? 400 : 2000;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        INFO("sim:seed=" << seed);
        Storm storm(seed);
        coir::run(
            [&] {
                coir::get_running_loop().set_exception_handler([](const coir::ExceptionContext&) {
                    // A shielded job may fail with nobody left to care.
                });
                storm.run();
            },
            coir_test::sim_options(seed));
        cancels += storm.cancels();
        timeouts += storm.timeouts();
        groups += storm.groups();
    }
    // The storm was one.
    CHECK(cancels > static_cast<int>(seeds));
    CHECK(timeouts > static_cast<int>(seeds));
    CHECK(groups > static_cast<int>(seeds) / 10);
}
