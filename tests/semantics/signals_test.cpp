// SPDX-License-Identifier: BSL-1.0
// Signals: semantics.md §2.21, rules 345 and 353, decision D21.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir_test::LogCapture;
using coir_test::options;
using coir_test::run_in_loop;

namespace {

using Handler = void (*)(int);

Handler handler_of(int signo) {
    struct sigaction current {};
    ::sigaction(signo, nullptr, &current);
    return current.sa_handler;
}

// Puts a disposition back at the end of a test.
class Disposition {
public:
    Disposition(int signo, Handler handler) : signo_(signo), before_(std::signal(signo, handler)) {}
    ~Disposition() { std::signal(signo_, before_); }

private:
    int signo_;
    Handler before_;
};

std::atomic<int> plain_calls{0};
void count_plain(int) { ++plain_calls; }

void send(int signo) { ::kill(::getpid(), signo); }

// Sends a signal when the loop is asleep, or about to be.
std::thread send_later(int signo) {
    return std::thread([signo] {
        std::this_thread::sleep_for(30ms);
        send(signo);
    });
}

}  // namespace

TEST_CASE("rule 252: numbers that are no signals, and signals that cannot be handled", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        for (int bad : {0, -1, 65, 1000}) {
            CHECK_THROWS_AS(loop.add_signal_handler(bad, [] {}), std::invalid_argument);
            CHECK_THROWS_AS(loop.remove_signal_handler(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::SignalStream({SIGUSR1, bad}), std::invalid_argument);
            CHECK_THROWS_AS(coir::wait_signal({bad}), std::invalid_argument);
        }
        CHECK_THROWS_AS(loop.add_signal_handler(32, [] {}), std::invalid_argument);  // glibc's own
        for (int never : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
            CHECK_THROWS_AS(loop.add_signal_handler(never, [] {}), std::runtime_error);
            CHECK_THROWS_AS(coir::SignalStream({SIGUSR1, never}), std::runtime_error);
            CHECK_THROWS_AS(coir::wait_signal({never}), std::runtime_error);
            CHECK_FALSE(loop.remove_signal_handler(never));
        }
        CHECK_THROWS_AS(coir::SignalStream(std::vector<int>{}), std::invalid_argument);
        CHECK_THROWS_AS(coir::wait_signal(std::vector<int>{}), std::invalid_argument);
        CHECK_THROWS_AS(loop.add_signal_handler(SIGUSR1, std::function<void()>()),
                        std::invalid_argument);
        CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
        // Of a list with one bad member nothing is hooked.
        CHECK(handler_of(SIGUSR1) == SIG_DFL);
        CHECK_THROWS_AS(coir::SignalStream({SIGUSR1, 32}), std::invalid_argument);
        CHECK(handler_of(SIGUSR1) == SIG_DFL);
    });
}

TEST_CASE("rule 252: streams need a running loop, and next() a task", "[signal]") {
    CHECK_THROWS_AS(coir::SignalStream({SIGUSR1}), std::logic_error);
    CHECK_THROWS_AS(coir::wait_signal({SIGUSR1}), std::logic_error);
    coir::EventLoop loop(options());
    bool thrown = false;
    loop.call_soon([&] {
        coir::SignalStream stream({SIGUSR1});
        CHECK_FALSE(stream.try_next().has_value());
        try {
            stream.next();
        } catch (const std::logic_error&) {
            thrown = true;
        }
        coir::get_running_loop().stop();
    });
    loop.run_forever();
    CHECK(thrown);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

TEST_CASE("rule 253: a handler runs as a callback of the loop, with the number", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        std::vector<int> seen;
        bool in_a_task = true;
        loop.add_signal_handler(SIGUSR1, [&](int signo) {
            seen.push_back(signo);
            in_a_task = static_cast<bool>(coir::current_task());
        });
        int plain = 0;
        auto owned = std::make_unique<int>(5);  // move-only callables too
        loop.add_signal_handler(SIGUSR2, [&plain, owned = std::move(owned)] { plain += *owned; });
        send(SIGUSR1);
        CHECK(seen.empty());  // not before the loop's turn
        coir::yield_now();
        send(SIGUSR2);
        while (seen.empty() || plain == 0) coir::yield_now();
        CHECK(seen == std::vector<int>{SIGUSR1});
        CHECK(plain == 5);
        CHECK_FALSE(in_a_task);
        CHECK(loop.remove_signal_handler(SIGUSR1));
        CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
    });
}

TEST_CASE("rule 253: a signal wakes a loop that sleeps, from whatever thread it comes", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        coir::Event came;
        loop.add_signal_handler(SIGUSR1, [&] { came.set(); });
        std::thread other = send_later(SIGUSR1);
        came.wait();
        other.join();
        // And when it is this very thread that the kernel picks.
        came.clear();
        const pthread_t self = ::pthread_self();
        std::thread third([self] {
            std::this_thread::sleep_for(20ms);
            ::pthread_kill(self, SIGUSR1);
        });
        came.wait();
        third.join();
        CHECK(loop.remove_signal_handler(SIGUSR1));
    });
}

TEST_CASE("rule 253: a handler that throws is reported, and stays", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        std::string reported;
        loop.set_exception_handler(
            [&](const coir::ExceptionContext& context) { reported = context.message; });
        int calls = 0;
        loop.add_signal_handler(SIGUSR1, [&] {
            if (++calls == 1) throw std::runtime_error("handler");
        });
        for (int expected : {1, 2}) {
            send(SIGUSR1);
            while (calls < expected) coir::yield_now();
        }
        CHECK(reported == "exception in a signal handler");
        loop.set_exception_handler(nullptr);
    });
}

TEST_CASE("rule 254, B82: removing the last subscriber restores what was there", "[signal]") {
    const Disposition own(SIGUSR1, &count_plain);
    const Disposition ignored(SIGUSR2, SIG_IGN);
    plain_calls = 0;
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        loop.add_signal_handler(SIGUSR1, [] {});
        CHECK(handler_of(SIGUSR1) != &count_plain);
        {
            coir::SignalStream stream({SIGUSR1, SIGUSR2});
            CHECK(loop.remove_signal_handler(SIGUSR1));
            CHECK(handler_of(SIGUSR1) != &count_plain);  // the stream is still there
            send(SIGUSR1);
            CHECK(stream.next() == SIGUSR1);
            CHECK(plain_calls == 0);
        }
        CHECK(handler_of(SIGUSR1) == &count_plain);
        CHECK(handler_of(SIGUSR2) == SIG_IGN);
        send(SIGUSR1);
        CHECK(plain_calls == 1);
        // What the program installs meanwhile stays.
        loop.add_signal_handler(SIGUSR2, [] {});
        std::signal(SIGUSR2, &count_plain);
        CHECK(loop.remove_signal_handler(SIGUSR2));
        CHECK(handler_of(SIGUSR2) == &count_plain);
        // And is what is restored later.
        loop.add_signal_handler(SIGUSR2, [] {});
        CHECK(loop.remove_signal_handler(SIGUSR2));
        CHECK(handler_of(SIGUSR2) == &count_plain);
        std::signal(SIGUSR2, SIG_IGN);
    });
}

TEST_CASE("rule 254, D21: in run(), SIGINT and SIGTERM cancel main again afterwards", "[signal]") {
    for (int signo : {SIGINT, SIGTERM}) {
        int seen = 0;
        try {
            run_in_loop([&] {
                coir::EventLoop& loop = coir::get_running_loop();
                loop.add_signal_handler(signo, [&](int number) { seen = number; });
                send(signo);
                while (seen == 0) coir::yield_now();  // main goes on
                CHECK(coir::wait_for([&] {
                          send(signo);
                          return coir::wait_signal({signo, SIGHUP});
                      }, 60s * coir_test::time_factor()) == signo);
                CHECK(loop.remove_signal_handler(signo));
                send(signo);
                coir::Event never;
                never.wait();
            });
            FAIL("not interrupted");
        } catch (const coir::Interrupted& interrupted) {
            CHECK(interrupted.signo() == signo);
        }
        CHECK(seen == signo);
        CHECK(handler_of(signo) == SIG_DFL);
    }
}

TEST_CASE("rule 255, D21: adding a handler again replaces it; streams are not affected", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        coir::SignalStream stream({SIGUSR1});
        std::string calls;
        loop.add_signal_handler(SIGUSR1, [&] { calls += 'a'; });
        loop.add_signal_handler(SIGUSR1, [&] { calls += 'b'; });
        send(SIGUSR1);
        CHECK(stream.next() == SIGUSR1);
        while (calls.empty()) coir::yield_now();
        coir::yield_now();
        CHECK(calls == "b");
        CHECK(loop.remove_signal_handler(SIGUSR1));
        CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
        send(SIGUSR1);
        CHECK(stream.next() == SIGUSR1);
        CHECK(calls == "b");
    });
}

TEST_CASE("rule 255: a handler that is removed while it is queued, or while it runs", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        int calls = 0;
        // Two handlers of one turn: the first removes the second.
        loop.add_signal_handler(SIGUSR1, [&] {
            ++calls;
            loop.remove_signal_handler(SIGUSR2);
        });
        loop.add_signal_handler(SIGUSR2, [&] { calls += 100; });
        coir::SignalStream both({SIGUSR1, SIGUSR2});
        send(SIGUSR1);
        send(SIGUSR2);
        both.next();
        both.next();
        coir::yield_now();
        CHECK(calls == 1);
        // One that removes itself, and one that puts another in its place.
        auto alive = std::make_shared<int>(7);
        loop.add_signal_handler(SIGUSR2, [&, alive] {
            loop.remove_signal_handler(SIGUSR2);
            calls += *alive;
        });
        send(SIGUSR2);
        both.next();
        coir::yield_now();
        CHECK(calls == 8);
        CHECK(alive.use_count() == 1);
        loop.add_signal_handler(SIGUSR1, [&, alive] {
            loop.add_signal_handler(SIGUSR1, [&] { calls += 1000; });
            calls += *alive;
        });
        for (int expected : {15, 1015}) {
            send(SIGUSR1);
            both.next();
            coir::yield_now();
            CHECK(calls == expected);
        }
        CHECK(alive.use_count() == 1);
    });
}

TEST_CASE("rule 256, D21, rule 353: several loops in several threads, each hears of it", "[signal]") {
    constexpr int loops = 4;
    std::atomic<int> ready{0};
    std::atomic<int> heard{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < loops; ++i) {
        threads.emplace_back([&] {
            coir::run(
                [&] {
                    coir::SignalStream stream({SIGUSR1});
                    int handled = 0;
                    coir::get_running_loop().add_signal_handler(SIGUSR1, [&] { ++handled; });
                    ++ready;
                    if (stream.next() == SIGUSR1) ++heard;
                    while (handled == 0) coir::yield_now();
                    ++heard;
                },
                options());
        });
    }
    while (ready < loops) std::this_thread::sleep_for(1ms);
    CHECK(handler_of(SIGUSR1) != SIG_DFL);
    send(SIGUSR1);
    for (std::thread& thread : threads) thread.join();
    CHECK(heard == 2 * loops);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

TEST_CASE("rule 257: closing the loop removes all handlers and subscriptions", "[signal]") {
    auto alive = std::make_shared<int>(0);
    std::unique_ptr<coir::SignalStream> kept;
    const auto hangup_before = handler_of(SIGHUP);  // nohup ignores it
    {
        coir::EventLoop loop(options());
        loop.add_signal_handler(SIGUSR1, [alive] { ++*alive; });
        loop.add_signal_handler(SIGHUP, [] {});
        loop.call_soon([&] { kept = std::make_unique<coir::SignalStream>(std::vector{SIGUSR2}); });
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        CHECK(handler_of(SIGUSR2) != SIG_DFL);
        send(SIGUSR1);  // pending at the close
        loop.close();
        for (int signo : {SIGUSR1, SIGUSR2}) CHECK(handler_of(signo) == SIG_DFL);
        CHECK(handler_of(SIGHUP) == hangup_before);
        CHECK(alive.use_count() == 1);
        CHECK(*alive == 0);
        CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
        CHECK_THROWS_AS(loop.add_signal_handler(SIGUSR1, [] {}), std::logic_error);
    }
    kept.reset();  // outlived its loop
}

TEST_CASE("rule 257: queued handlers die with the loop and do not run", "[signal]") {
    auto alive = std::make_shared<int>(0);
    {
        coir::EventLoop loop(options());
        loop.add_signal_handler(SIGUSR1, [alive] { ++*alive; });
        loop.call_soon([&] {
            send(SIGUSR1);
            loop.stop();
        });
        loop.run_forever();
    }
    CHECK(alive.use_count() == 1);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

TEST_CASE("rule 345: what comes before the loop looks coalesces, and is not lost", "[signal]") {
    run_in_loop([] {
        coir::EventLoop& loop = coir::get_running_loop();
        coir::SignalStream stream({SIGUSR1});
        int calls = 0;
        loop.add_signal_handler(SIGUSR1, [&] { ++calls; });
        for (int i = 0; i < 10; ++i) send(SIGUSR1);
        CHECK(stream.next() == SIGUSR1);
        coir::yield_now();
        CHECK(calls == 1);
        CHECK_FALSE(stream.try_next().has_value());
        // A real-time signal comes as often as it was sent.
        const int realtime = SIGRTMIN + 3;
        coir::SignalStream queued({realtime});
        int times = 0;
        loop.add_signal_handler(realtime, [&](int signo) { times += signo == realtime ? 1 : 1000; });
        for (int i = 0; i < 10; ++i) send(realtime);
        for (int i = 0; i < 10; ++i) CHECK(queued.next() == realtime);
        coir::yield_now();
        CHECK(times == 10);
        CHECK_FALSE(queued.try_next().has_value());
    });
}

TEST_CASE("rule 345, B82: a storm of signals from several threads ends with one more call", "[signal]") {
    if (COIR_TSAN) COIR_SKIP("coir's handler would take locks of ThreadSanitizer that the thread may have");
    run_in_loop([] {
        coir::SignalStream stream({SIGUSR1, SIGUSR2});
        std::atomic<int> going{3};
        std::vector<std::thread> senders;
        for (int i = 0; i < 3; ++i) {
            senders.emplace_back([&] {
                for (int n = 0; n < 300; ++n) send(SIGUSR1);
                if (--going == 0) send(SIGUSR2);
            });
        }
        int seen = 0;
        bool ended = false;
        while (!ended) {
            if (stream.next() == SIGUSR2) {
                ended = true;
            } else {
                ++seen;
            }
        }
        for (std::thread& sender : senders) sender.join();
        CHECK(seen >= 1);
        CHECK(seen <= 900);
    });
}

TEST_CASE("rule 353: several subscribers of one loop each get every signal", "[signal]") {
    run_in_loop([] {
        coir::SignalStream a({SIGUSR1, SIGUSR2});
        coir::SignalStream b({SIGUSR2});
        auto waiting = coir::create_task([] { return coir::wait_signal({SIGUSR2, SIGHUP}); });
        coir::yield_now();
        send(SIGUSR2);
        CHECK(a.next() == SIGUSR2);
        CHECK(b.next() == SIGUSR2);
        CHECK(coir::await(waiting) == SIGUSR2);
        send(SIGUSR1);
        CHECK(a.next() == SIGUSR1);
        CHECK_FALSE(b.try_next().has_value());
        CHECK_FALSE(a.try_next().has_value());
    });
}

TEST_CASE("rule 353: a stream keeps the order in which signals came", "[signal]") {
    run_in_loop([] {
        coir::SignalStream stream({SIGHUP, SIGUSR1, SIGUSR2});
        coir::SignalStream witness({SIGHUP, SIGUSR1, SIGUSR2});
        for (int signo : {SIGUSR2, SIGHUP, SIGUSR1}) {
            send(signo);
            CHECK(witness.next() == signo);  // the loop has seen it
        }
        send(SIGHUP);
        CHECK(witness.next() == SIGHUP);  // stands in the queue already
        CHECK(stream.next() == SIGUSR2);
        CHECK(stream.try_next() == SIGHUP);
        CHECK(stream.next() == SIGUSR1);
        CHECK_FALSE(stream.try_next().has_value());
    });
}

TEST_CASE("rule 353: wait_signal takes one signal and leaves the disposition as it was", "[signal]") {
    run_in_loop([] {
        std::thread sender = send_later(SIGUSR1);
        CHECK(coir::wait_signal({SIGUSR1, SIGUSR2}) == SIGUSR1);
        sender.join();
        CHECK(handler_of(SIGUSR1) == SIG_DFL);
        CHECK(handler_of(SIGUSR2) == SIG_DFL);
        auto task = coir::create_task([] { coir::wait_signal(std::vector<int>{SIGUSR1}); });
        coir::yield_now();
        CHECK(handler_of(SIGUSR1) != SIG_DFL);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(handler_of(SIGUSR1) == SIG_DFL);
    });
}

TEST_CASE("rule 353, D3: a cancelled waiter takes no signal; a chosen one keeps it", "[signal]") {
    run_in_loop([] {
        coir::SignalStream stream({SIGUSR1});
        coir::SignalStream witness({SIGUSR1});
        auto first = coir::create_task([&] { return stream.next(); });
        auto second = coir::create_task([&] { return stream.next(); });
        coir::yield_now();
        first.cancel();
        send(SIGUSR1);
        CHECK(witness.next() == SIGUSR1);
        CHECK(coir::await(second) == SIGUSR1);
        CHECK_THROWS_AS(coir::await(first), coir::TaskCancelledError);

        // The loop tells its subscribers in the order of their subscription: this one cancels the
        // waiter after it was given its signal, and before it runs.
        coir::Task<void> chosen;
        coir::get_running_loop().add_signal_handler(SIGUSR2, [&] { chosen.cancel(); });
        coir::SignalStream later({SIGUSR2});
        bool got = false;
        chosen = coir::create_task([&] {
            got = later.next() == SIGUSR2;
            coir::yield_now();
        });
        coir::yield_now();
        send(SIGUSR2);
        CHECK_THROWS_AS(coir::await(chosen), coir::TaskCancelledError);
        CHECK(got);
        CHECK_FALSE(later.try_next().has_value());
    });
}

TEST_CASE("D21: a stream that ends or moves under a waiting task", "[signal]") {
    run_in_loop([] {
        auto stream = std::make_unique<coir::SignalStream>(std::vector{SIGUSR1});
        auto waiter = coir::create_task([&] { return stream->next(); });
        coir::yield_now();
        stream.reset();
        try {
            coir::await(waiter);
            FAIL("no error");
        } catch (const coir::IoError& error) {
            CHECK(error.code().value() == ECANCELED);
        }
        coir::SignalStream a({SIGUSR1});
        coir::SignalStream b = std::move(a);
        CHECK_THROWS_AS(a.next(), coir::IoError);
        CHECK_THROWS_AS(a.try_next(), coir::IoError);
        send(SIGUSR1);
        CHECK(b.next() == SIGUSR1);
        a = std::move(b);
        send(SIGUSR1);
        CHECK(a.next() == SIGUSR1);
    });
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

TEST_CASE("D21: a stream may be dropped by another thread", "[signal]") {
    run_in_loop([] {
        auto stream = std::make_unique<coir::SignalStream>(std::vector{SIGUSR1});
        coir::to_thread([&] {
            CHECK_THROWS_AS(stream->try_next(), coir::WrongThreadError);
            stream.reset();
        });
        coir::yield_now();
        CHECK(handler_of(SIGUSR1) == SIG_DFL);
    });
}

TEST_CASE("D21, B41: who waits for a signal is not deadlocked", "[signal]") {
    LogCapture lines;
    coir::RunOptions strict = options();
    strict.on_deadlock = coir::OnDeadlock::fail;
    run_in_loop(
        [] {
            // Longer than the second after which silence is called a deadlock.
            std::thread sender([] {
                std::this_thread::sleep_for(1200ms);
                send(SIGUSR1);
            });
            CHECK(coir::wait_signal({SIGUSR1}) == SIGUSR1);
            sender.join();
        },
        strict);
    INFO(lines.text());
    CHECK(lines.count_from(coir::LogLevel::warning) == 0);
}

TEST_CASE("D21: a signal that ends up in a thread of the pool", "[signal]") {
    run_in_loop([] {
        // Pool threads block everything: a directed signal stays pending there, others are taken by
        // the program's threads.
        coir::SignalStream stream({SIGUSR1});
        sigset_t blocked;
        coir::to_thread([&] {
            ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
            send(SIGUSR1);
        });
        CHECK(::sigismember(&blocked, SIGUSR1) == 1);
        CHECK(stream.next() == SIGUSR1);
    });
}
