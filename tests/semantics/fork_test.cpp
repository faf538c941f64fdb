// SPDX-License-Identifier: BSL-1.0
// fork() in a program with loops: decision D32.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

// ThreadSanitizer does not go on in the child of a process with several threads.
#if !COIR_TSAN

using namespace std::chrono_literals;
using coir_test::options;
using coir_test::run_in_loop;
using coir_test::stream_pair;

namespace {

// Every step that fails has a number of its own, which a child ends with.
class Steps {
public:
    explicit Steps(bool in_child = false) : in_child_(in_child) {}
    void check(bool good) {
        ++step_;
        if (good) return;
        if (in_child_) ::_exit(step_);
        FAIL("step " << step_);
    }
    template <class F>
    void throws_logic_error(F&& f) {
        bool thrown = false;
        try {
            f();
        } catch (const std::logic_error& error) {
            thrown = true;
        } catch (...) {
        }
        check(thrown);
    }

private:
    const bool in_child_;
    int step_ = 0;
};

// Runs `f` in a forked child, which then exits; returns its exit code, 0 when all went well.
int in_child(const std::function<void(Steps&)>& f) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        try {
            Steps steps(true);
            f(steps);
            ::_exit(0);
        } catch (...) {
            ::_exit(100);
        }
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Things to do with a loop that works.
void use(Steps& steps) {
    coir::EventLoop& loop = coir::get_running_loop();
    coir::sleep(1ms);
    auto pair = stream_pair();
    auto echo = coir::create_task([&] { pair.second.write(pair.second.read_exactly(5)); });
    coir::yield_now();  // it waits for the kernel
    pair.first.write("hello");
    steps.check(pair.first.read_exactly(5) == "hello");
    coir::await(echo);
    steps.check(coir::to_thread([] { return 7; }) == 7);
    coir::Event posted;
    std::thread other([&] { loop.call_soon_threadsafe([&] { posted.set(); }); });
    posted.wait();
    other.join();
    coir::SignalStream signals({SIGUSR1});
    ::kill(::getpid(), SIGUSR1);
    steps.check(signals.next() == SIGUSR1);
    bool late = false;
    try {
        coir::with_timeout(1ms, [] { coir::sleep(1h); });
    } catch (const coir::TimeoutError&) {
        late = true;
    }
    steps.check(late);
}

}  // namespace

TEST_CASE("D32, B79, S14: in a forked child every call throws", "[fork]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        auto pair = stream_pair();
        coir::Event event;
        coir::Queue<int> queue;
        auto future = coir::create_future<int>();
        auto waiting = coir::create_task([&] { event.wait(); });
        auto reading = coir::create_task([&] { return pair.first.read(5); });
        coir::to_thread([] {});
        coir::yield_now();
        const int code = in_child([&](Steps& steps) {
            steps.throws_logic_error([] { coir::get_running_loop(); });
            steps.check(coir::try_get_running_loop() == nullptr);
            steps.throws_logic_error([] { coir::yield_now(); });
            steps.throws_logic_error([] { coir::sleep(1ms); });
            steps.throws_logic_error([] { coir::checkpoint(); });
            steps.throws_logic_error([] { static_cast<void>(coir::create_task([] {})); });
            steps.throws_logic_error([&] { static_cast<void>(loop.create_task([] {})); });
            steps.throws_logic_error([&] { loop.call_soon([] {}); });
            steps.throws_logic_error([&] { loop.call_later(1ms, [] {}); });
            steps.throws_logic_error([&] { loop.call_soon_threadsafe([] {}); });
            steps.throws_logic_error([&] { loop.run_once(); });
            steps.throws_logic_error([&] { loop.run_forever(); });
            steps.throws_logic_error([&] { loop.close(); });
            steps.throws_logic_error([&] { loop.add_signal_handler(SIGUSR1, [] {}); });
            steps.throws_logic_error([&] { future.set_result(1); });
            steps.throws_logic_error([&] { coir::await(waiting); });
            steps.throws_logic_error([&] { event.wait(); });
            steps.throws_logic_error([&] { queue.get(); });
            steps.throws_logic_error([&] { pair.second.read(1); });
            steps.throws_logic_error([&] { pair.second.write("stolen"); });
            steps.throws_logic_error([] { coir::wait_readable(0); });
            steps.throws_logic_error([] { coir::to_thread([] {}); });
            steps.throws_logic_error([] { coir::wait_signal({SIGUSR1}); });
            steps.throws_logic_error([] { coir::create_subprocess_exec({"true"}); });
            // A loop of its own is as good as any.
            coir::run([&] { use(steps); }, options());
        });
        CHECK(code == 0);
        // The parent has noticed nothing.
        pair.second.write("hello");
        CHECK(coir::await(reading) == "hello");
        event.set();
        coir::await(waiting);
        Steps steps;
        use(steps);
    });
}

TEST_CASE("D32: a child that returns into its parent's loop runs none of it", "[fork]") {
    for (const bool in_a_callback : {false, true}) {
        bool other_ran = false;
        pid_t child = -1;
        const pid_t self = ::getpid();
        try {
            coir::Runner runner(options());
            runner.run([&] {
                auto other = coir::create_task([&] { other_ran = true; });
                if (in_a_callback) {
                    coir::Event done;
                    coir::get_running_loop().call_soon([&] {
                        child = ::fork();
                        if (child == 0) ::alarm(20);
                        done.set();
                    });
                    done.wait();
                } else {
                    child = ::fork();
                    if (child == 0) {
                        ::alarm(20);
                        return;
                    }
                }
                coir::await(other);
            });
            if (::getpid() != self) ::_exit(1);
        } catch (const std::logic_error&) {
            if (::getpid() != self) ::_exit(other_ran && !in_a_callback ? 2 : 0);
            throw;
        }
        int status = 0;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(other_ran);
    }
}

TEST_CASE("D32: after_fork_in_child rebuilds the loop for who calls it", "[fork]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        CHECK_THROWS_AS(loop.after_fork_in_child(), std::logic_error);  // not a child
        auto pair = stream_pair();
        int ticks = 0;
        auto ticking = coir::create_task([&] {
            for (;;) {
                coir::sleep(100us);
                ++ticks;
            }
        });
        auto reading = coir::create_task([&] { return pair.first.read_exactly(5); });
        coir::to_thread([] {});
        coir::SignalStream signals({SIGUSR1});
        coir::yield_now();
        const int code = in_child([&](Steps& steps) {
            const int before = ticks;
            loop.after_fork_in_child();
            steps.check(&coir::get_running_loop() == &loop);
            use(steps);
            steps.check(ticks == before);  // the parent's tasks are not the child's
            steps.throws_logic_error([&] { loop.after_fork_in_child(); });
            // And its children in turn.
            const int inner = in_child([&](Steps& more) {
                more.throws_logic_error([] { coir::yield_now(); });
                loop.after_fork_in_child();
                use(more);
            });
            steps.check(inner == 0);
            use(steps);
        });
        CHECK(code == 0);
        pair.second.write("hello");
        CHECK(coir::await(reading) == "hello");
        ::kill(::getpid(), SIGUSR1);
        CHECK(signals.next() == SIGUSR1);
        ticking.cancel();
        CHECK_THROWS_AS(coir::await(ticking), coir::TaskCancelledError);  // it counts here
    });
}

TEST_CASE("D32: a loop that did not run at the fork", "[fork]") {
    coir::EventLoop loop(options());
    bool kept = false;
    loop.call_soon([&] { kept = true; });
    loop.run_until_complete([] { coir::sleep(1ms); });
    CHECK(in_child([&](Steps& steps) {
              steps.throws_logic_error([&] { loop.run_until_complete([] {}); });
              steps.throws_logic_error([&] { loop.call_soon([] {}); });
              loop.after_fork_in_child();
              loop.run_until_complete([&] { use(steps); });
              loop.close();
              steps.check(loop.is_closed());
          }) == 0);
    CHECK(in_child([&](Steps& steps) {
              loop.close();  // one that is not rebuilt can be closed
              steps.check(loop.is_closed());
              steps.throws_logic_error([&] { loop.after_fork_in_child(); });
          }) == 0);
    Steps steps;
    loop.run_until_complete([&] { use(steps); });
}

TEST_CASE("D32, D21: in the child signals are as they were before coir hooked them", "[fork]") {
    run_in_loop([] {
        coir::SignalStream signals({SIGUSR1, SIGTERM});
        coir::get_running_loop().add_signal_handler(SIGUSR2, [] {});
        for (int signo : {SIGUSR1, SIGTERM, SIGUSR2, SIGINT}) {
            const int code = in_child([&](Steps& steps) {
                struct sigaction current {};
                ::sigaction(signo, nullptr, &current);
                steps.check(current.sa_handler == SIG_DFL);
                ::raise(signo);
            });
            CHECK(code == -signo);
        }
        CHECK_FALSE(signals.try_next().has_value());
    });
}

TEST_CASE("D32, B79: forks while other threads run loops, post and handle signals", "[fork]") {
    // A fork copies its allocator's locks as they are: held, if another thread is in there.
    if (COIR_ASAN) COIR_SKIP("AddressSanitizer's allocator is not for forks with several threads");
    run_in_loop([] {
        std::atomic<bool> over{false};
        std::atomic<bool> runs{false};
        std::thread other([&] {
            coir::run(
                [&] {
                    runs = true;
                    while (!over) {
                        coir::SignalStream signals({SIGUSR2});
                        coir::yield_now();
                    }
                },
                options());
        });
        while (!runs) std::this_thread::sleep_for(1ms);
        coir::EventLoop& loop = coir::get_running_loop();
        std::thread poster([&] {
            while (!over) {
                loop.call_soon_threadsafe([] {});
                std::this_thread::sleep_for(50us);
            }
        });
        for (int i = 0; i < 20; ++i) {
            const int code = in_child([&](Steps& steps) {
                steps.throws_logic_error([] { coir::yield_now(); });
                loop.after_fork_in_child();
                use(steps);
            });
            CHECK(code == 0);
            coir::yield_now();
        }
        over = true;
        other.join();
        poster.join();
    });
}

#endif
