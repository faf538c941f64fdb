// SPDX-License-Identifier: BSL-1.0
// Work on other threads, posts from them, and what a loop with a real clock owes: semantics.md
// §2.20, rules 23, 24, 340, 345, 346, 358, 360, decisions D17, D20, D23.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/reactors.hpp>
#include <coir/thread.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <pthread.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

// One pool thread, so that a second job has to queue.
coir::RunOptions one_thread() {
    coir::RunOptions options = coir_test::options();
    options.max_threads = 1;
    return options;
}

// A job that runs until it is told to go.
struct Gate {
    std::atomic<bool> entered{false};
    std::atomic<bool> open{false};
    void pass() {
        entered = true;
        while (!open) std::this_thread::sleep_for(100us);
    }
    void wait_entered() {
        while (!entered) coir::sleep(100us);
    }
};

}  // namespace

TEST_CASE("rule 23, B30: a post from another thread wakes a loop that sleeps") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        for (int i = 0; i < 20; ++i) {
            auto future = coir::create_future<std::thread::id>();
            auto guard = loop.call_later(20s, [future] { future.cancel("not woken"); });
            std::thread poster([&loop, future, i] {
                std::this_thread::sleep_for(100us * i);
                loop.call_soon_threadsafe(
                    [future] { future.set_result(std::this_thread::get_id()); });
            });
            CHECK(coir::await(future) == std::this_thread::get_id());
            poster.join();
            guard.cancel();
        }
        const std::uint64_t wakes = loop.metrics().wakes;
        CHECK(wakes >= 1);
        CHECK(wakes <= 20);  // at most one for each post
    });
}

TEST_CASE("rule 359: a busy loop is not woken by posts") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        const std::uint64_t before = loop.metrics().wakes;
        std::atomic<int> ran{0};
        std::thread poster([&] {
            for (int i = 0; i < 1000; ++i) loop.call_soon_threadsafe([&] { ++ran; });
        });
        while (ran < 1000) coir::yield_now();
        poster.join();
        CHECK(loop.metrics().wakes == before);
    });
}

TEST_CASE("rule 23: from the loop's thread, call_soon_threadsafe keeps its place among call_soon's") {
    std::string order;
    coir::EventLoop loop(sim_options());
    auto post = [&](char name) { loop.call_soon_threadsafe([&order, name] { order += name; }); };
    auto queue = [&](char name) { loop.call_soon([&order, name] { order += name; }); };
    post('a');  // before the loop runs
    queue('b');
    post('c');
    queue('d');
    loop.run_until_complete([&] {
        order += ' ';
        post('e');
        queue('f');
        post('g');
        auto task = loop.create_task([&] { order += 'h'; });
        queue('i');
        coir::await(task);
    });
    loop.run_once(coir::RunMode::no_wait);
    CHECK(order == "abcd efghi");
}

TEST_CASE("rule 23, B30: posts from many threads all arrive, each thread's in order") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        constexpr int threads = 4;
        constexpr int posts = 2000;
        std::vector<int> last(threads, -1);
        int received = 0;
        bool ordered = true;
        std::vector<std::thread> posters;
        for (int t = 0; t < threads; ++t) {
            posters.emplace_back([&, t] {
                for (int i = 0; i < posts; ++i) {
                    loop.call_soon_threadsafe([&, t, i] {
                        ordered = ordered && last[static_cast<std::size_t>(t)] == i - 1;
                        last[static_cast<std::size_t>(t)] = i;
                        ++received;
                    });
                    if (i % 100 == 0) std::this_thread::yield();
                }
            });
        }
        for (int i = 0; received < threads * posts && i < 20'000; ++i) coir::sleep(1ms);
        for (auto& poster : posters) poster.join();
        CHECK(received == threads * posts);
        CHECK(ordered);
    });
}

TEST_CASE("rule 24, B34: sleeps below the clock's resolution do not spin") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        const auto before = loop.metrics().turns;
        for (auto time : {10e-3, 1e-3, 1e-6, 1e-7, 1e-10}) {
            const auto start = std::chrono::steady_clock::now();
            coir::sleep(std::chrono::duration<double>(time));
            CHECK(std::chrono::steady_clock::now() - start >= std::chrono::duration<double>(time));
        }
        CHECK(loop.metrics().turns - before <= 20);
    });
}

TEST_CASE("rule 335 and api.md: the clock is read afresh, also within a step") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::this_thread::sleep_for(3ms);
        CHECK(loop.time() - start >= 3ms);
        // So a delay counts from now, not from when the turn began.
        coir::TimePoint fired{};
        const auto set = std::chrono::steady_clock::now();
        auto done = coir::create_future<void>();
        loop.call_later(5ms, [&] {
            fired = std::chrono::steady_clock::now();
            done.set_result();
        });
        coir::await(done);
        CHECK(fired - set >= 5ms);
    });
}

TEST_CASE("rule 246: to_thread runs elsewhere; its result or exception arrives on the loop") {
    run_in_loop([] {
        const auto here = std::this_thread::get_id();
        CHECK(coir::to_thread([] { return std::this_thread::get_id(); }) != here);
        CHECK(std::this_thread::get_id() == here);
        CHECK(coir::to_thread([](int a, int b) { return a + b; }, 2, 3) == 5);
        CHECK(*coir::to_thread([] { return std::make_unique<int>(4); }) == 4);
        CHECK_THROWS_WITH(coir::to_thread([] { throw std::range_error("there"); }), "there");
        int written = 0;
        coir::to_thread([&] { written = 6; });  // nothing is copied
        CHECK(written == 6);
        CHECK(coir::to_thread([] { return coir::try_get_running_loop(); }) == nullptr);
        CHECK_FALSE(coir::to_thread([] { return static_cast<bool>(coir::current_task()); }));
    });
}

TEST_CASE("rule 246: the loop goes on while a job runs") {
    run_in_loop([] {
        Gate gate;
        auto job = coir::create_task([&] { coir::to_thread([&] { gate.pass(); }); });
        gate.wait_entered();  // by sleeping on the loop
        for (int i = 0; i < 1000; ++i) coir::yield_now();
        CHECK_FALSE(job.done());
        gate.open = true;
        coir::await(job);
    });
}

TEST_CASE("rule 247: to_thread calls run at the same time, up to max_threads") {
    coir::RunOptions options = coir_test::options();
    options.max_threads = 4;
    run_in_loop(
        [] {
            std::latch all_here(4);
            std::atomic<int> at_once{0};
            std::atomic<int> most{0};
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 4; ++i) {
                // Ends only when all four have begun.
                tasks.push_back(coir::create_task(
                    [&] { coir::to_thread([&] { all_here.arrive_and_wait(); }); }));
            }
            for (int i = 0; i < 40; ++i) {
                tasks.push_back(coir::create_task([&] {
                    coir::to_thread([&] {
                        const int now = ++at_once;
                        int seen = most.load();
                        while (now > seen && !most.compare_exchange_weak(seen, now)) {
                        }
                        std::this_thread::sleep_for(200us);
                        --at_once;
                    });
                }));
            }
            for (auto& task : tasks) coir::await(task);
            CHECK(most <= 4);
            CHECK(most >= 1);
        },
        options);
}

TEST_CASE("rule 248, D17: cancelling a running job waits for it and keeps its result") {
    run_in_loop([] {
        Gate gate;
        std::vector<std::string> log;
        auto task = coir::create_task([&] {
            log.push_back(std::to_string(coir::to_thread([&] {
                gate.pass();
                return 7;
            })));
            try {
                coir::checkpoint();
            } catch (const coir::CancelledError& cancelled) {
                log.push_back(cancelled.message());
                throw;
            }
        });
        gate.wait_entered();
        CHECK(task.cancel("too late"));
        coir::sleep(2ms);
        CHECK_FALSE(task.done());  // the job may be using its stack
        gate.open = true;
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == std::vector<std::string>{"7", "too late"});
    });
}

TEST_CASE("D17: a running job that takes a stop_token learns of the cancellation") {
    run_in_loop([] {
        std::atomic<bool> entered{false};
        auto task = coir::create_task([&] {
            return coir::to_thread([&](std::stop_token stop) {
                entered = true;
                while (!stop.stop_requested()) std::this_thread::sleep_for(100us);
                return 3;
            });
        });
        while (!entered) coir::sleep(100us);
        task.cancel();
        CHECK(coir::await(task) == 3);
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 249, 346, D17: a queued job is withdrawn at once and never runs") {
    run_in_loop(
        [] {
            Gate gate;
            std::atomic<bool> ran{false};
            auto running = coir::create_task([&] { coir::to_thread([&] { gate.pass(); }); });
            gate.wait_entered();
            auto token = std::make_shared<int>(1);
            auto queued = coir::create_task(
                [&ran](std::shared_ptr<int>) { coir::to_thread([&] { ran = true; }); }, token);
            coir::sleep(1ms);
            CHECK(queued.cancel("withdrawn"));
            CHECK_THROWS_WITH(coir::await(queued), Catch::Contains("withdrawn"));
            CHECK_FALSE(running.done());  // did not have to wait for it
            CHECK(token.use_count() == 1);
            gate.open = true;
            coir::await(running);
            coir::to_thread([] {});  // the one thread has got past where the job was
            CHECK_FALSE(ran);
        },
        one_thread());
}

TEST_CASE("rule 249: a queued job is not withdrawn while the task is masked") {
    run_in_loop(
        [] {
            Gate gate;
            bool ran = false;
            auto running = coir::create_task([&] { coir::to_thread([&] { gate.pass(); }); });
            gate.wait_entered();
            auto queued = coir::create_task([&] {
                struct AtExit {
                    bool& ran;
                    ~AtExit() {
                        coir::to_thread([&] { ran = true; });
                    }
                } at_exit{ran};
                coir::sleep(1h);
            });
            coir::sleep(1ms);
            queued.cancel();
            coir::sleep(1ms);
            queued.cancel();
            gate.open = true;
            CHECK_THROWS_AS(coir::await(queued), coir::TaskCancelledError);
            CHECK(ran);
            coir::await(running);
        },
        one_thread());
}

TEST_CASE("rule 247: in virtual time a job takes no time") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        bool timer_first = false;
        auto timer = loop.call_later(1ms, [&] { timer_first = true; });
        coir::to_thread([] { std::this_thread::sleep_for(10ms); });
        CHECK(loop.time() == start);
        CHECK_FALSE(timer_first);
        timer.cancel();
    });
}

TEST_CASE("D20: handles may be dropped on another thread; the state dies on the loop's") {
    run_in_loop([] {
        struct Witness {
            std::thread::id* died_on;
            explicit Witness(std::thread::id* on) : died_on(on) {}
            Witness(Witness&& other) noexcept : died_on(std::exchange(other.died_on, nullptr)) {}
            ~Witness() {
                if (died_on) *died_on = std::this_thread::get_id();
            }
        };
        std::thread::id died_on;
        auto future = coir::create_future<Witness>();
        future.set_result(Witness(&died_on));
        std::thread dropper([mine = std::move(future)]() mutable { mine = {}; });
        dropper.join();
        for (int i = 0; i < 1000 && died_on == std::thread::id(); ++i) coir::sleep(1ms);
        CHECK(died_on == std::this_thread::get_id());
    });
}

TEST_CASE("D20: handles may be dropped on another thread while their loop comes to its end") {
    struct Witness {
        std::atomic<int>* count;
        explicit Witness(std::atomic<int>* at) : count(at) { ++*count; }
        Witness(Witness&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
        ~Witness() {
            if (count) --*count;
        }
    };
    std::atomic<int> alive{0};
    for (int round = 0; round < 100; ++round) {
        std::atomic<bool> go{false};
        std::thread dropper;
        coir::run(
            [&] {
                std::vector<coir::Future<Witness>> futures;
                for (int i = 0; i < 50; ++i) {
                    futures.push_back(coir::create_future<Witness>());
                    futures.back().set_result(Witness(&alive));
                }
                dropper = std::thread([&go, futures = std::move(futures)]() mutable {
                    while (!go) {
                    }
                    while (!futures.empty()) futures.pop_back();
                });
                // So that the loop is left, and entered once more to drain.
                coir::spawn_detached([] { coir::sleep(1h); });
                coir::yield_now();
                go = true;
                for (int i = 0; i < round; ++i) coir::yield_now();
            },
            sim_options());
        dropper.join();
        CHECK(alive == 0);
    }
}

TEST_CASE("rule 340, D23, B37: busy tasks starve neither timers, nor I/O, nor posts") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        bool stop = false;
        std::vector<coir::Task<void>> busy;
        for (int i = 0; i < 3; ++i) {
            busy.push_back(coir::create_task([&] {
                while (!stop) coir::yield_now();
            }));
        }
        auto ready = coir::create_future<int>();
        ready.set_result(1);
        auto never_waits = coir::create_task([&] {
            while (!stop) coir::await(ready);
        });
        const auto start = std::chrono::steady_clock::now();
        coir::sleep(5ms);
        CHECK(std::chrono::steady_clock::now() - start < 5s);
        CHECK(coir::to_thread([] { return 3; }) == 3);
        auto posted = coir::create_future<void>();
        std::thread poster([&] { loop.call_soon_threadsafe([posted] { posted.set_result(); }); });
        coir::await(posted);
        poster.join();
        stop = true;
        for (auto& task : busy) coir::await(task);
        coir::await(never_waits);
    });
}

TEST_CASE("rule 340, B36: a chain of zero timers starves nobody") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        int rounds = 0;
        bool stop = false;
        std::function<void()> again = [&] {
            ++rounds;
            if (!stop) loop.call_later(0s, again);
        };
        again();
        CHECK(coir::to_thread([] { return 3; }) == 3);
        coir::sleep(2ms);
        CHECK(rounds > 2);
        stop = true;
        coir::sleep(1ms);
    });
}

TEST_CASE("rule 345, B30: wake-ups coalesce, and none is lost") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        int received = 0;
        const auto turns = loop.metrics().turns;
        // The loop is busy in this step while a thousand posts come.
        std::thread([&] {
            for (int i = 0; i < 1000; ++i) loop.call_soon_threadsafe([&] { ++received; });
        }).join();
        coir::sleep(1ms);
        CHECK(received == 1000);
        CHECK(loop.metrics().turns - turns <= 12);
    });
}

TEST_CASE("rule 358: interrupted system calls are not seen, and do not shorten sleeps") {
    struct sigaction ours {}, before {};
    ours.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGUSR1, &ours, &before);
    run_in_loop([] {
        const pthread_t loop_thread = ::pthread_self();
        std::atomic<bool> stop{false};
        std::thread nuisance([&] {
            while (!stop) {
                ::pthread_kill(loop_thread, SIGUSR1);
                std::this_thread::sleep_for(200us);
            }
        });
        for (int i = 0; i < 5; ++i) {
            const auto start = std::chrono::steady_clock::now();
            coir::sleep(10ms);
            CHECK(std::chrono::steady_clock::now() - start >= 10ms);
            CHECK(coir::to_thread([] { return 1; }) == 1);
        }
        stop = true;
        nuisance.join();
    });
    ::sigaction(SIGUSR1, &before, nullptr);
}

namespace {

// A foreign main loop around `loop`, which nobody runs but it.
void embed(coir::EventLoop& loop) {
    const int fd = loop.fd();
    REQUIRE(fd >= 0);
    auto readable = [fd](int milliseconds) {
        struct pollfd entry {fd, POLLIN, 0};
        return ::poll(&entry, 1, milliseconds) == 1;
    };
    int ran = 0;
    for (int round = 1; round <= 3; ++round) {
        // Nobody is inside the loop when the post comes.
        std::thread([&] { loop.call_soon_threadsafe([&] { ++ran; }); }).join();
        CHECK(readable(5000));
        CHECK(loop.run_once(coir::RunMode::no_wait));
        CHECK(ran == round);
        CHECK_FALSE(readable(0));
    }
    // A whole program, driven from outside, with a job on another thread.
    auto task = loop.create_task([] {
        coir::sleep(1ms);
        return coir::to_thread([] { return 9; });
    });
    for (int i = 0; !task.done() && i < 1000; ++i) {
        const auto timeout = loop.next_timeout();
        readable(timeout ? static_cast<int>(*timeout / 1ms) + 1 : 5000);
        loop.run_once(coir::RunMode::no_wait);
    }
    REQUIRE(task.done());
    CHECK(task.result() == 9);
}

}  // namespace

TEST_CASE("rule 360: a foreign main loop sees by fd() when a turn is due") {
    int embedded = 0;
    for (const coir::ReactorInfo& reactor : coir::list_reactors()) {
        if (!reactor.usable || reactor.name == "sim") continue;
        INFO(reactor.name);
        coir::RunOptions options = coir_test::options();
        options.reactor = reactor.name;
        coir::EventLoop loop(options);
        if (loop.fd() < 0) continue;
        embed(loop);
        ++embedded;
    }
    CHECK(embedded >= 1);  // epoll at least
}
