// SPDX-License-Identifier: BSL-1.0
// Tasks that one thread starts on another's loop: semantics.md rules 50, 251, 345, decisions D3, D13,
// D20; api.md section 2.
#include "support/catch.hpp"
#include "support/run.hpp"
#include "reports.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/thread.hpp>
#include <coir/thread_future.hpp>
#include <coir/timeout.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_in_loop;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

// A loop on a thread of its own, closed there at the end. Assertions are not for that thread.
class LoopThread {
public:
    explicit LoopThread(coir::RunOptions options = coir_test::options()) {
        std::latch made(1);
        thread_ = std::thread([&, options] {
            coir::EventLoop loop(options);
            reports.attach(loop);
            loop_ = &loop;
            made.count_down();
            loop.run_forever();
            loop.close();
        });
        made.wait();
    }
    ~LoopThread() { finish(); }
    /// Stops the loop, closes and destroys it.
    void finish() {
        if (!thread_.joinable()) return;
        loop_->call_soon_threadsafe([loop = loop_] { loop->stop(); });
        thread_.join();
    }
    coir::EventLoop& loop() { return *loop_; }
    std::thread::id id() const { return thread_.get_id(); }

    coir_test::Reports reports;  // to be read after finish()

private:
    coir::EventLoop* loop_ = nullptr;
    std::thread thread_;
};

// Suspends until cancelled, whatever the loop's clock says.
void wait_for_ever() { coir::await(coir::create_future<void>()); }

// Refuses to be moved when told to.
struct Unmovable {
    bool* refuse;
    explicit Unmovable(bool* when) : refuse(when) {}
    Unmovable(Unmovable&& other) : refuse(other.refuse) {
        if (*refuse) throw std::runtime_error("will not move");
    }
    int operator()() { return 1; }
};

}  // namespace

TEST_CASE("rule 251: a plain thread gets the value of a task on the loop") {
    LoopThread there;
    CHECK(coir::run_task_threadsafe(there.loop(), [] { return std::this_thread::get_id(); }).get() ==
          there.id());
    CHECK(coir::run_task_threadsafe(there.loop(), [] {
              coir::sleep(1ms);  // a task: it may suspend
              return coir::current_task().name().empty();
          }).get() == false);
    auto future = coir::run_task_threadsafe(
        there.loop(), [owned = std::make_unique<int>(4)] { return std::make_unique<int>(*owned); });
    future.wait();
    CHECK(future.done());
    CHECK_FALSE(future.cancelled());
    CHECK(*future.get() == 4);
    int there_too = 0;
    coir::run_task_threadsafe(there.loop(), [&] { there_too = 5; }).get();
    CHECK(there_too == 5);
    int& reference =
        coir::run_task_threadsafe(there.loop(), [&]() -> int& { return there_too; }).get();
    CHECK(&reference == &there_too);
}

TEST_CASE("rule 251: a plain thread gets the exception of a task on the loop") {
    LoopThread there;
    auto future = coir::run_task_threadsafe(
        there.loop(), []() -> int { throw std::range_error("from there"); });
    CHECK_THROWS_WITH(future.get(), "from there");
    there.finish();
    CHECK(there.reports.all.empty());
}

TEST_CASE("rule 251: after a timeout the task is cancelled, and ends") {
    LoopThread there;
    std::atomic<bool> unwound{false};
    std::latch begun(1);
    struct Witness {
        std::atomic<bool>& unwound;
        ~Witness() { unwound = true; }
    };
    auto future = coir::run_task_threadsafe(there.loop(), [&] {
        Witness witness{unwound};
        begun.count_down();
        wait_for_ever();
    });
    begun.wait();
    CHECK_FALSE(future.wait_for(2ms));
    CHECK_FALSE(future.wait_for(0s));
    CHECK_FALSE(future.wait_for(-1s));
    CHECK_FALSE(future.done());
    CHECK(future.cancel("late"));
    CHECK(future.wait_for(std::chrono::duration<double, std::ratio<3600>>(1e300)));
    CHECK(unwound);
    CHECK(future.cancelled());
    CHECK_FALSE(future.cancel());
    CHECK_THROWS_WITH(future.get(), Catch::Contains("late"));
    CHECK_THROWS_AS(future.get(), coir::TaskCancelledError);
}

TEST_CASE("rule 251: a task that is cancelled over there is an error at the caller") {
    LoopThread there;
    auto future = coir::run_task_threadsafe(there.loop(), [] {
        coir::current_task().cancel("by itself");
        wait_for_ever();
    });
    CHECK_THROWS_WITH(future.get(), Catch::Contains("by itself"));
    CHECK(future.cancelled());
    // A CancelledError that nobody asked for ends a task as cancelled, too.
    auto thrown = coir::run_task_threadsafe(there.loop(),
                                            [] { throw coir::CancelledError("out of the blue"); });
    CHECK_THROWS_WITH(thrown.get(), Catch::Contains("out of the blue"));
}

TEST_CASE("rule 251: a task that cannot be made is reported at the caller and on the loop") {
    LoopThread there;
    bool refuse = false;
    Unmovable f(&refuse);
    std::optional<coir::ThreadFuture<int>> future;
    coir::run_task_threadsafe(there.loop(), [&] {
        // The loop is busy with this, so that the call is still on its way.
        std::thread([&] {
            future = coir::run_task_threadsafe(there.loop(), std::move(f));
            refuse = true;
        }).join();
    }).get();
    CHECK_THROWS_WITH(future->get(), "will not move");
    there.finish();
    REQUIRE(there.reports.all.size() == 1);
    CHECK(there.reports.all[0].error == "will not move");
    CHECK(there.reports.all[0].message.find("could not be started") != std::string::npos);
}

TEST_CASE("rule 251: a task that has not begun when it is cancelled never does") {
    LoopThread there;
    bool ran = false;
    auto token = std::make_shared<int>(1);
    coir::ThreadFuture<void> future;
    coir::run_task_threadsafe(there.loop(), [&] {
        std::thread([&] {
            future = coir::run_task_threadsafe(there.loop(), [&ran, token] { ran = true; });
            CHECK(future.cancel("before it began"));
            CHECK(future.cancel("again"));
        }).join();
        // Made into a task by now, or not: its first step comes later.
    }).get();
    CHECK_THROWS_WITH(future.get(), Catch::Contains("before it began"));
    CHECK_FALSE(ran);
    CHECK(token.use_count() == 1);
}

TEST_CASE("rule 251: on a closed loop it is an error, and the callable is destroyed") {
    coir::EventLoop loop(sim_options());
    loop.close();
    auto token = std::make_shared<int>(1);
    CHECK_THROWS_AS(coir::run_task_threadsafe(loop, [token] {}), std::logic_error);
    CHECK(token.use_count() == 1);
    CHECK_THROWS_AS(coir::run_task_threadsafe(loop, std::function<void()>()),
                    std::invalid_argument);
    CHECK_THROWS_AS(coir::run_task_threadsafe(loop, static_cast<void (*)()>(nullptr)),
                    std::invalid_argument);
}

TEST_CASE("rule 50: a call that the loop has not got to when it is closed ends with an error") {
    auto token = std::make_shared<int>(1);
    coir::ThreadFuture<void> future;
    coir::ThreadFuture<void> cancelled;
    {
        coir::EventLoop loop(sim_options());
        std::thread([&] {
            future = coir::run_task_threadsafe(loop, [token] {});
            cancelled = coir::run_task_threadsafe(loop, [token] {});
            cancelled.cancel();
        }).join();
        CHECK(token.use_count() == 3);
        CHECK_FALSE(future.done());
    }
    CHECK(future.done());
    CHECK(token.use_count() == 1);
    CHECK_THROWS_WITH(future.get(), Catch::Contains("closed"));
    CHECK(cancelled.cancelled());
    CHECK_FALSE(cancelled.cancel());
}

TEST_CASE("rule 50: the end of a loop cancels what was started from outside") {
    LoopThread there;
    std::latch begun(1);
    auto future = coir::run_task_threadsafe(there.loop(), [&] {
        begun.count_down();
        wait_for_ever();
    });
    begun.wait();
    there.finish();
    CHECK(future.done());
    CHECK_THROWS_AS(future.get(), coir::TaskCancelledError);
}

TEST_CASE("rule 50: nobody waits for ever for a task that its loop leaves behind") {
    coir_test::LogCapture log;
    coir::RunOptions options = coir_test::options();
    options.cleanup_grace = 3ms;
    LoopThread there(options);
    std::latch begun(1);
    auto future = coir::run_task_threadsafe(there.loop(), [&] {
        begun.count_down();
        coir::no_cancel([] { wait_for_ever(); });
    });
    begun.wait();
    std::thread finisher([&] { there.finish(); });
    CHECK_THROWS_WITH(future.get(), Catch::Contains("had not ended"));
    finisher.join();
    CHECK(log.contains("did not end"));
}

TEST_CASE("rule 251: a task awaits a task of another loop") {
    run_in_loop([] {
        LoopThread there;
        std::atomic<int> ticks{0};
        auto future = coir::run_task_threadsafe(there.loop(), [&] {
            while (ticks == 0) coir::yield_now();
            return std::make_unique<int>(3);
        });
        auto ticker = coir::create_task([&] {
            for (;; ++ticks) coir::yield_now();
        });
        CHECK(*coir::await(future) == 3);  // suspended, not blocked
        CHECK(ticks > 0);
        ticker.cancel();
        CHECK_THROWS_WITH(coir::await(coir::run_task_threadsafe(
                              there.loop(), [] { throw std::range_error("over there"); })),
                          "over there");
        CHECK_THROWS_AS(coir::run_task_threadsafe(there.loop(),
                                                  [] { throw coir::CancelledError(); })
                            .get(),
                        coir::TaskCancelledError);
        std::error_code error;
        CHECK_FALSE(coir::await(coir::run_task_threadsafe(
                                    there.loop(), []() -> int { throw coir::TimeoutError(); }),
                                error));
        CHECK(error == std::errc::timed_out);
    });
}

TEST_CASE("rule 251: cancelling who awaits it cancels the task over there, and waits for it") {
    run_in_loop([] {
        LoopThread there;
        std::latch begun(1);
        std::atomic<bool> ended{false};
        auto waiter = coir::create_task([&] {
            coir::await(coir::run_task_threadsafe(there.loop(), [&] {
                begun.count_down();
                try {
                    wait_for_ever();
                } catch (const coir::CancelledError& cancelled) {
                    coir::sleep(2ms);
                    ended = cancelled.message() == "enough";
                    throw;
                }
            }));
        });
        coir::to_thread([&] { begun.wait(); });
        CHECK(waiter.cancel("enough"));
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK(ended);
    });
}

TEST_CASE("rule 251, D3: a result that comes in spite of a cancellation is not lost") {
    run_in_loop([] {
        LoopThread there;
        std::latch begun(1);
        auto waiter = coir::create_task([&] {
            return coir::await(coir::run_task_threadsafe(there.loop(), [&] {
                begun.count_down();
                try {
                    wait_for_ever();
                } catch (const coir::CancelledError&) {
                }
                return 6;
            }));
        });
        coir::to_thread([&] { begun.wait(); });
        waiter.cancel();
        CHECK(coir::await(waiter) == 6);
        CHECK(waiter.cancelling() == 1);
    });
}

TEST_CASE("rule 251, D2: a masked wait for another thread's task is not cut short") {
    run_in_loop([] {
        LoopThread there;
        std::latch begun(1);
        std::latch go(1);
        auto waiter = coir::create_task([&] {
            return coir::no_cancel([&] {
                return coir::await(coir::run_task_threadsafe(there.loop(), [&] {
                    begun.count_down();
                    coir::to_thread([&] { go.wait(); });
                    return 6;
                }));
            });
        });
        coir::to_thread([&] { begun.wait(); });
        waiter.cancel();
        coir::yield_now();
        CHECK_FALSE(waiter.done());
        go.count_down();
        CHECK(coir::await(waiter) == 6);
    });
}

TEST_CASE("rule 251: waiting without taking ends by time or cancellation, and cancels nothing") {
    run_in_loop([] {
        LoopThread there;
        std::latch go(1);
        auto future = coir::run_task_threadsafe(
            there.loop(), [&] { coir::to_thread([&] { go.wait(); }); return 8; });
        // A virtual clock stands still for what another thread does.
        if (!coir_test::is_virtual_time()) CHECK_FALSE(future.wait_for(1ms));
        CHECK_FALSE(future.wait_for(0s));
        auto waiter = coir::create_task([&] { future.wait(); });
        auto limited = coir::create_task([&] { return future.wait_for(1h); });
        coir::yield_now();
        waiter.cancel();
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK_FALSE(future.done());
        go.count_down();
        CHECK(coir::await(limited));
        CHECK(future.get() == 8);
        CHECK(coir::with_timeout(1h, [&] {
            return coir::run_task_threadsafe(there.loop(), [] { return 1; }).get();
        }) == 1);
    });
}

TEST_CASE("rule 251: a loop's own thread may use it, too") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto future = coir::run_task_threadsafe(loop, [] {
            coir::sleep(1h);  // virtual: nobody is outside
            return 2;
        });
        CHECK_FALSE(future.wait_for(30min));
        CHECK(coir::await(future) == 2);
        auto endless = coir::run_task_threadsafe(loop, [] { coir::sleep(24h); });
        CHECK_THROWS_AS(coir::with_timeout(1s, [&] { coir::await(endless); }),
                        coir::TimeoutError);
        CHECK(endless.cancelled());
    });
}

TEST_CASE("rule 251: get() where it would stop the loop for ever is an error") {
    LoopThread there;
    std::latch go(1);
    auto future = coir::run_task_threadsafe(there.loop(),
                                            [&] { coir::to_thread([&] { go.wait(); }); });
    run_in_loop([&] {
        auto refused = coir::create_future<bool>();
        coir::get_running_loop().call_soon([&] {
            try {
                future.get();
                refused.set_result(false);
            } catch (const std::logic_error&) {
                refused.set_result(true);
            }
        });
        CHECK(coir::await(refused));
    });
    go.count_down();
    future.get();
    // A loop that only this thread can run, and does not.
    coir::EventLoop mine(sim_options());
    mine.run_once(coir::RunMode::no_wait);
    auto hopeless = coir::run_task_threadsafe(mine, [] { return 5; });
    CHECK_THROWS_AS(hopeless.get(), std::logic_error);
    CHECK_THROWS_AS(hopeless.wait_for(1s), std::logic_error);
    CHECK_THROWS_AS(coir::await(hopeless), std::logic_error);
    mine.run_once(coir::RunMode::no_wait);
    mine.run_once(coir::RunMode::no_wait);
    CHECK(hopeless.get() == 5);
}

TEST_CASE("D13: a result is handed over once, by move") {
    LoopThread there;
    struct Counted {
        explicit Counted(std::atomic<int>& at) : alive(&at) { ++*alive; }
        Counted(Counted&& other) noexcept : alive(other.alive) { ++*alive; }
        ~Counted() { --*alive; }
        std::atomic<int>* alive;
    };
    std::atomic<int> alive{0};
    {
        auto future = coir::run_task_threadsafe(there.loop(), [&] { return Counted(alive); });
        {
            Counted mine = future.get();
            CHECK_THROWS_AS(future.get(), coir::InvalidStateError);
        }
        auto never_taken = coir::run_task_threadsafe(there.loop(), [&] { return Counted(alive); });
        never_taken.wait();
        auto moved = std::move(never_taken);
        CHECK_FALSE(static_cast<bool>(never_taken));
        CHECK_THROWS_AS(never_taken.done(), coir::InvalidStateError);
        CHECK_THROWS_AS(never_taken.get(), coir::InvalidStateError);
        auto failed = coir::run_task_threadsafe(there.loop(), []() -> int { throw 3; });
        CHECK_THROWS_AS(failed.get(), int);
        CHECK_THROWS_AS(failed.get(), coir::InvalidStateError);
    }
    there.finish();
    CHECK(alive == 0);
}

TEST_CASE("D13: of several readers on several loops one gets it") {
    LoopThread there;
    std::latch go(1);
    auto future = coir::run_task_threadsafe(there.loop(), [&] {
        coir::to_thread([&] { go.wait(); });
        return std::string(100, 'x');
    });
    std::atomic<int> got{0};
    std::atomic<int> refused{0};
    const auto read = [&] {
        try {
            if (future.get().size() == 100) ++got;
        } catch (const coir::InvalidStateError&) {
            ++refused;
        }
    };
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back(read);
    for (int i = 0; i < 3; ++i) readers.emplace_back([&] { coir::run(read, coir_test::options()); });
    go.count_down();
    for (auto& reader : readers) reader.join();
    CHECK(got == 1);
    CHECK(refused == 5);
}

TEST_CASE("rule 251: an error that nobody will see is reported") {
    coir_test::LogCapture log;
    LoopThread there;
    std::latch begun(1);
    std::latch go(1);
    std::latch going(1);
    {
        auto dropped = coir::run_task_threadsafe(there.loop(), [&] {
            begun.count_down();
            coir::to_thread([&] { go.wait(); });
            going.count_down();
            throw std::range_error("seen by the loop");
        });
        begun.wait();
    }
    go.count_down();
    going.wait();
    {
        auto late = coir::run_task_threadsafe(there.loop(),
                                              [] { throw std::range_error("seen in the log"); });
        late.wait();
    }
    there.finish();
    REQUIRE(there.reports.all.size() == 1);
    CHECK(there.reports.all[0].error == "seen by the loop");
    CHECK(log.count("seen in the log") == 1);
    CHECK(log.count_from(coir::LogLevel::warning) == 1);
}

TEST_CASE("rule 345, 251: many threads, many calls and cancellations, all accounted for") {
    run_in_loop([] {
        LoopThread there;
        constexpr int threads = 4;
        constexpr int calls = 300;
        std::atomic<int> values{0};
        std::atomic<int> cancels{0};
        std::vector<std::thread> callers;
        for (int t = 0; t < threads; ++t) {
            callers.emplace_back([&, t] {
                for (int i = 0; i < calls; ++i) {
                    auto future = coir::run_task_threadsafe(there.loop(), [&, i] {
                        for (int k = 0; k < i % 4; ++k) coir::yield_now();
                        return 1;
                    });
                    if ((i + t) % 3 == 0) future.cancel();
                    try {
                        values += future.get();
                    } catch (const coir::TaskCancelledError&) {
                        ++cancels;
                    }
                }
            });
        }
        int mine = 0;
        for (int i = 0; i < calls; ++i) {
            auto future = coir::run_task_threadsafe(there.loop(), [] { coir::yield_now(); });
            if (i % 2 == 0) future.cancel();
            try {
                coir::await(future);
                ++mine;
            } catch (const coir::TaskCancelledError&) {
                ++mine;
            }
        }
        coir::to_thread([&] {
            for (auto& caller : callers) caller.join();
        });
        CHECK(values + cancels == threads * calls);
        CHECK(values >= threads * calls / 2);
        CHECK(mine == calls);
    });
}

TEST_CASE("rule 251: a loop may go as soon as its last result is known") {
    for (int round = 0; round < 50; ++round) {
        auto there = std::make_unique<LoopThread>();
        auto future = coir::run_task_threadsafe(there->loop(), [] { return 1; });
        std::thread canceller([&] { future.cancel(); });
        there.reset();
        canceller.join();
        CHECK(future.done());
    }
}
