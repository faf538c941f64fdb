// SPDX-License-Identifier: BSL-1.0
// wait_for: semantics.md §2.11, decisions D3, D5, D6.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("rule 136: a result in time is returned, and no task is made for a callable") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto tasks = loop.metrics().tasks_created;
        const auto me = coir::current_task();
        CHECK(coir::wait_for(
            [&] {
                coir::sleep(1s);
                return coir::current_task() == me;
            },
            2s));
        CHECK(loop.metrics().tasks_created == tasks);
        CHECK(loop.metrics().timers == 0);  // the timer is withdrawn
        auto task = coir::create_task([] {
            coir::sleep(1s);
            return std::string("t");
        });
        CHECK(coir::wait_for(task, 2s) == "t");
        CHECK(*coir::wait_for(coir::create_task([] { return std::make_unique<int>(4); }), 2s) == 4);
        auto future = coir::create_future<int>();
        loop.call_later(1s, [=] { future.set_result(5); });
        CHECK(coir::wait_for(future, 2s) == 5);
        CHECK(loop.metrics().timers == 0);
        CHECK(coir::current_task().cancelling() == 0);
        CHECK_THROWS_AS(coir::wait_for([] { throw std::range_error("own"); }, 2s),
                        std::range_error);
    });
}

TEST_CASE("rule 137: a limit that never comes is a plain await") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        auto job = [&] {
            coir::sleep(24h * 365);
            return loop.metrics().timers;
        };
        CHECK(coir::wait_for(job, std::chrono::nanoseconds::max()) == 0);
        CHECK(coir::wait_for(job, std::chrono::hours::max()) == 0);
        CHECK(coir::wait_for(
                  coir::create_task(job),
                  std::chrono::duration<double>(std::numeric_limits<double>::infinity())) == 0);
        CHECK_THROWS_AS(coir::wait_for(job, std::chrono::duration<double>(
                                                std::numeric_limits<double>::quiet_NaN())),
                        std::invalid_argument);
    });
}

TEST_CASE(
    "rule 138: after the limit the job is cancelled, waited for, and TimeoutError is thrown") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto job = [&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                coir::sleep(2s);  // takes its time
                log += 'c';
                throw;
            }
        };
        CHECK_THROWS_AS(coir::wait_for(job, 1s), coir::TimeoutError);
        CHECK(log == "c");
        CHECK(loop.time() - start == 3s);
        auto task = coir::create_task(job);
        CHECK_THROWS_AS(coir::wait_for(task, 1s), coir::TimeoutError);
        CHECK(log == "cc");
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 1);
        auto future = coir::create_future<int>();
        CHECK_THROWS_AS(coir::wait_for(future, 1s), coir::TimeoutError);
        CHECK(future.cancelled());
        CHECK(coir::current_task().cancelling() == 0);
        coir::sleep(1s);
    });
}

TEST_CASE("rule 138, D6: the cancellation is nested in the TimeoutError") {
    auto nested_is_cancel = [](const std::exception& error) {
        try {
            std::rethrow_if_nested(error);
        } catch (const coir::CancelledError&) {
            return true;
        } catch (const coir::TaskCancelledError&) {
            return true;
        }
        return false;
    };
    run_on_sim([&] {
        for (const auto limit : {1s, 0s}) {
            auto task = coir::create_task([] { coir::sleep(1h); });
            coir::yield_now();
            try {
                coir::wait_for(task, limit);
                FAIL("not thrown");
            } catch (const coir::TimeoutError& error) {
                CHECK(nested_is_cancel(error));
            }
        }
    });
}

TEST_CASE("rule 139: with no time left a job that is done gives its result") {
    on_every_order([] {
        auto task = coir::create_task([] { return 8; });
        auto failed = coir::create_task([] { throw std::range_error("x"); });
        coir::sleep(1s);
        for (const auto limit : {0s, -1s}) {
            CHECK(coir::wait_for(task, limit) == 8);
            CHECK_THROWS_AS(coir::wait_for(failed, limit), std::range_error);
        }
        auto cancelled = coir::create_future<int>();
        cancelled.cancel();
        CHECK_THROWS_AS(coir::wait_for(cancelled, 0s), coir::TaskCancelledError);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 140: with no time left a callable is not begun, nor a task that has not started") {
    on_every_order([] {
        bool entered = false;
        for (const auto limit : {0s, -1s}) {
            CHECK_THROWS_AS(coir::wait_for([&] { entered = true; }, limit), coir::TimeoutError);
            auto task = coir::create_task([&] { entered = true; });
            CHECK_THROWS_AS(coir::wait_for(task, limit), coir::TimeoutError);
            CHECK(task.cancelled());
        }
        CHECK_FALSE(entered);
    });
}

TEST_CASE("rule 141: with no time left a running job is cancelled once and waited for") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        bool cleaned = false;
        auto task = coir::create_task([&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                coir::sleep(1s);  // a second request would cut this short
                cleaned = true;
                throw;
            }
        });
        coir::sleep(1s);
        const auto start = loop.time();
        CHECK_THROWS_AS(coir::wait_for(task, 0s), coir::TimeoutError);
        CHECK(cleaned);
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 1);
        CHECK(loop.time() - start == 1s);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 142: an error of the job while it is being cancelled propagates") {
    on_every_order([] {
        auto job = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw std::range_error("while stopping");
            }
        };
        CHECK_THROWS_AS(coir::wait_for(job, 1s), std::range_error);
        for (const auto limit : {1s, 0s}) {
            auto task = coir::create_task(job);
            coir::sleep(1s);
            CHECK_THROWS_AS(coir::wait_for(task, limit), std::range_error);
        }
        // Also when it looks like a cancellation, but is the job's own error.
        auto odd = coir::create_task([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw coir::TaskCancelledError("of something else");
            }
        });
        coir::sleep(1s);
        CHECK_THROWS_AS(coir::wait_for(odd, 0s), coir::TaskCancelledError);
        CHECK(coir::current_task().cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 143: a job that swallows the cancellation and returns has its value returned") {
    on_every_order([] {
        auto job = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                coir::sleep(1s);
            }
            return 11;
        };
        CHECK(coir::wait_for(job, 1s) == 11);
        for (const auto limit : {1s, 0s}) {
            auto task = coir::create_task(job);
            coir::sleep(500ms);
            CHECK(coir::wait_for(task, limit) == 11);
        }
        CHECK(coir::current_task().cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 144: cancelling the waiter cancels the job and waits for it") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto job = coir::create_task([&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& error) {
                log += error.message();
                coir::sleep(1s);
                log += " cleaned";
                throw;
            }
        });
        auto waiter = coir::create_task([&] { coir::wait_for(job, 1h); });
        coir::sleep(1s);
        waiter.cancel("stop");
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK(waiter.cancelled());
        CHECK(job.cancelled());
        CHECK(log == "stop cleaned");
        CHECK(loop.time() - start == 2s);
        CHECK(loop.metrics().timers == 0);
    });
}

TEST_CASE("rule 144, 79: a waiter that is cancelled before it waits cancels the job all the same") {
    on_every_order([] {
        for (const auto limit : {1h, 0h}) {
            auto job = coir::create_task([] { coir::sleep(1h); });
            coir::sleep(1s);
            auto waiter = coir::create_task([&] {
                coir::current_task().cancel();
                coir::wait_for(job, limit);
            });
            CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
            CHECK(waiter.cancelled());
            CHECK(job.cancelled());
            bool entered = false;
            waiter = coir::create_task([&] {
                coir::current_task().cancel();
                coir::wait_for([&] { entered = true; }, limit);
            });
            CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
            CHECK(waiter.cancelled());
            CHECK_FALSE(entered);
        }
    });
}

TEST_CASE("rule 145, D3: a cancellation in the turn of the job's completion is not lost") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        int got = 0;
        bool next_wait_threw = false;
        auto waiter = coir::create_task([&] {
            got = coir::wait_for(future, 1h);
            try {
                coir::sleep(1s);
            } catch (const coir::CancelledError&) {
                next_wait_threw = true;
                throw;
            }
        });
        coir::sleep(1s);
        future.set_result(6);
        waiter.cancel();
        CHECK_THROWS_AS(coir::await(waiter), coir::TaskCancelledError);
        CHECK(got == 6);
        CHECK(next_wait_threw);
        CHECK(coir::await(future) == 6);
    });
}

TEST_CASE("rule 146, D3, B42: of completion and deadline in one turn the completion wins") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        CHECK(coir::wait_for(
                  [] {
                      coir::sleep(1s);
                      return 1;
                  },
                  1s) == 1);
        CHECK(coir::wait_for(coir::create_task([] {
                                 coir::sleep(1s);
                                 return 2;
                             }),
                             1s) == 2);
        // By a callback, and by a task that still has to run a step when the deadline comes.
        auto called = coir::create_future<int>();
        loop.call_later(1s, [=] { called.set_result(3); });
        CHECK(coir::wait_for(called, 1s) == 3);
        auto told = coir::create_future<int>();
        auto teller = coir::create_task([=] {
            coir::sleep(1s);
            coir::yield_now();
            told.set_result(4);
        });
        CHECK(coir::wait_for(told, 1s) == 4);
        coir::Queue<int> queue;
        auto putter = coir::create_task([&] {
            coir::sleep(1s);
            queue.put(5);
        });
        CHECK(coir::wait_for([&] { return queue.get(); }, 1s) == 5);
        coir::gather(teller, putter);
        CHECK(coir::current_task().cancelling() == 0);
        coir::yield_now();
    });
}

TEST_CASE("rule 146: what comes after the deadline comes too late") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        auto future = coir::create_future<int>();
        loop.call_later(1s + 1ns, [=] { future.try_set_result(3); });
        const auto start = loop.time();
        CHECK_THROWS_AS(coir::wait_for(future, 1s), coir::TimeoutError);
        CHECK(loop.time() - start == 1s);
    });
}

TEST_CASE("rule 146: a busy loop sees what was due before the deadline as in time") {
    // A real clock: the callback and the deadline are both due when the loop looks again.
    coir_test::run_in_loop([] {
        auto& loop = coir::get_running_loop();
        auto future = coir::create_future<int>();
        loop.call_later(2ms, [=] { future.set_result(1); });
        auto hog = coir::create_task([] {
            const auto end = std::chrono::steady_clock::now() + 20ms;
            while (std::chrono::steady_clock::now() < end) {
            }
        });
        CHECK(coir::wait_for(future, 4ms) == 1);
        coir::await(hog);
    });
}

TEST_CASE("rule 147: a limit on a shield leaves the job running") {
    on_every_order([] {
        auto job = coir::create_task([] {
            coir::sleep(10s);
            return 12;
        });
        for (const auto limit : {1s, 0s}) {
            CHECK_THROWS_AS(coir::wait_for(coir::shield(job), limit), coir::TimeoutError);
        }
        CHECK(job.cancelling() == 0);
        CHECK(coir::await(job) == 12);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("D5: a job that somebody else cancelled is no timeout") {
    on_every_order([] {
        auto job = coir::create_task([] { coir::sleep(1h); });
        auto killer = coir::create_task([&] {
            coir::sleep(1s);
            job.cancel("by hand");
        });
        CHECK_THROWS_AS(coir::wait_for(job, 1h), coir::TaskCancelledError);
        coir::await(killer);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 159, 48: wait_for outside a task or on another loop's job is refused") {
    CHECK_THROWS_AS(coir::wait_for([] {}, 1s), std::logic_error);
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        auto foreign = other.create_future<int>();
        CHECK_THROWS_AS(coir::wait_for(foreign, 1s), coir::WrongThreadError);
        CHECK_THROWS_AS(coir::wait_for(foreign, 0s), coir::WrongThreadError);
        CHECK_FALSE(foreign.done());
        auto future = coir::create_future<int>();
        coir::get_running_loop().call_soon([&] {
            CHECK_THROWS_AS(coir::wait_for(future, 0s), std::logic_error);
            CHECK_THROWS_AS(coir::wait_for(future, 1s), std::logic_error);
        });
        coir::sleep(1s);
        CHECK_FALSE(future.done());
    });
}

TEST_CASE("B42: a lock or an item is either taken or left when the deadline races with it") {
    on_every_order([] {
        for (int offset = -2; offset <= 2; ++offset) {
            coir::Lock lock;
            coir::Queue<int> queue;
            lock.lock();
            auto other = coir::create_task([&] {
                coir::sleep(10s + offset * 1ns);
                lock.unlock();
                queue.put_nowait(1);
            });
            bool owned = false;
            int got = 0;
            auto locker = coir::create_task([&] {
                try {
                    coir::wait_for([&] { lock.lock(); }, 10s);
                    owned = true;
                } catch (const coir::TimeoutError&) {
                }
            });
            auto getter = coir::create_task([&] {
                try {
                    got = coir::wait_for([&] { return queue.get(); }, 10s);
                } catch (const coir::TimeoutError&) {
                }
            });
            coir::gather(other, locker, getter);
            CHECK(owned == (offset <= 0));
            CHECK(lock.locked() == owned);
            CHECK(got == (offset <= 0 ? 1 : 0));
            CHECK(queue.size() == (offset <= 0 ? 0u : 1u));
        }
    });
}
