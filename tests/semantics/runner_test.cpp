// SPDX-License-Identifier: BSL-1.0
// run() and Runner: semantics.md §2.19, decisions D21, D22, D37.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/run.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir_test::LogCapture;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

void (*handler_of(int signo))(int) {
    struct sigaction current {};
    ::sigaction(signo, nullptr, &current);
    return current.sa_handler;
}

// Runs `f` in a forked child, at whose end nothing is cleaned up; returns its wait status.
int status_of_child(const std::function<int()>& f) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        int code = 99;
        try {
            code = f();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int exit_code_of_child(const std::function<int()>& f) {
    const int status = status_of_child(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("rule 235: run returns main's value and throws main's exception") {
    coir_test::FdCount fds;
    CHECK(coir::run([] { return 7; }, sim_options()) == 7);
    CHECK(*coir::run([] { return std::make_unique<int>(8); }, sim_options()) == 8);
    coir::run([] {}, sim_options());
    CHECK_THROWS_AS(coir::run([] { throw std::range_error("x"); }, sim_options()),
                    std::range_error);
    CHECK_THROWS_AS(coir::run([] { throw coir::CancelledError("c"); }, sim_options()),
                    coir::CancelledError);
    struct MoveOnly {
        std::unique_ptr<int> value = std::make_unique<int>(3);
        int operator()() && { return *value; }
    };
    CHECK(coir::run(MoveOnly(), sim_options()) == 3);
}

TEST_CASE("rule 236, B84: run inside a running loop is an error") {
    run_on_sim([] {
        bool entered = false;
        CHECK_THROWS_AS(coir::run([&] { entered = true; }, sim_options()), std::logic_error);
        coir::Runner runner(sim_options());
        CHECK_THROWS_AS(runner.run([&] { entered = true; }), std::logic_error);
        coir::get_running_loop().call_soon([&] {
            CHECK_THROWS_AS(coir::run([&] { entered = true; }, sim_options()), std::logic_error);
        });
        coir::sleep(1s);
        CHECK_FALSE(entered);
    });
}

TEST_CASE("rule 237, D33, B46: leftovers are cancelled together, in order, and waited for") {
    for (bool main_throws : {false, true}) {
        std::vector<std::string> log;
        auto main = [&] {
            auto leftover = [&](std::string name, coir::Nanoseconds cleanup) {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    log.push_back(name + " cancelled");
                    coir::sleep(cleanup);
                    log.push_back(name + " cleaned up");
                    throw;
                }
            };
            coir::spawn_detached(leftover, "a", 2s);
            coir::spawn_detached(leftover, "b", 1s);
            coir::spawn_detached([leftover] {  // outlives main, and what is local to it
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    coir::spawn_detached(leftover, "late", 0s);  // is asked in the next round
                    throw;
                }
            });
            coir::sleep(1s);
            if (main_throws) throw std::range_error("main");
        };
        if (main_throws) {
            CHECK_THROWS_AS(coir::run(main, sim_options()), std::range_error);
        } else {
            coir::run(main, sim_options());
        }
        CHECK(log == std::vector<std::string>{"a cancelled", "b cancelled", "b cleaned up",
                                              "a cleaned up", "late cancelled", "late cleaned up"});
    }
}

TEST_CASE("rule 237, B46: the end is orderly for any order of steps") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        int unwound = 0;
        coir::run(
            [&] {
                coir::Lock* lock = new coir::Lock;  // outlives main, as all waiters do
                struct Count {
                    int& count;
                    ~Count() { ++count; }
                };
                for (int i = 0; i < 30; ++i) {
                    coir::spawn_detached([&unwound, lock, i] {
                        Count count{unwound};
                        std::unique_lock hold(*lock);
                        coir::sleep(1s * (i + 1));
                    });
                }
                coir::spawn_detached([lock] {
                    struct Delete {
                        coir::Lock* lock;
                        ~Delete() {
                            coir::sleep(1s);  // when all others have gone
                            delete lock;
                        }
                    } at_end{lock};
                    coir::sleep(1h);
                });
                coir::sleep(5s);
            },
            sim_options(seed));
        CHECK(unwound == 30);
    }
}

TEST_CASE("rule 238, D37: errors of leftovers go to the handler, not to run's caller") {
    std::vector<std::string> messages;
    const int value = coir::run(
        [&] {
            coir::get_running_loop().set_exception_handler(
                [&](const coir::ExceptionContext& context) { messages.push_back(context.message); });
            coir::TaskOptions options;
            options.name = "messy";
            coir::spawn_detached(options, [] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    throw std::runtime_error("in cleanup");
                }
            });
            coir::yield_now();
            return 5;
        },
        sim_options());
    CHECK(value == 5);
    CHECK(messages ==
          std::vector<std::string>{"exception in task 'messy' was never retrieved"});
}

TEST_CASE("rule 239: at the end tasks are cancelled first, then the pool is joined") {
    std::vector<std::string> log;
    std::atomic<bool> entered{false};
    coir::RunOptions options = coir_test::options();
    options.cleanup_grace = 10s;
    coir::run(
        [&] {
            coir::spawn_detached([&] {
                coir::to_thread([&] {
                    entered = true;
                    std::this_thread::sleep_for(30ms);
                });
                log.push_back("job ended");
                try {
                    coir::checkpoint();
                } catch (const coir::CancelledError&) {
                    log.push_back("then cancelled");
                    throw;
                }
            });
            while (!entered) coir::sleep(100us);
            log.push_back("main ended");
        },
        options);
    CHECK(log == std::vector<std::string>{"main ended", "job ended", "then cancelled"});
}

TEST_CASE("rule 239, D17: a job that does not return is named, and does not keep run from ending") {
    COIR_NEEDS_FORK();
    const int code = exit_code_of_child([] {
        LogCapture log;
        std::atomic<bool> entered{false};
        coir::RunOptions options = coir_test::options();
        options.reactor = "epoll";  // in virtual time nothing happens as long as a job runs
        options.cleanup_grace = 150ms;
        const int result = coir::run(
            [&] {
                coir::TaskOptions stuck;
                stuck.name = "stuck";
                coir::spawn_detached(stuck, [&] {
                    coir::to_thread([&] {
                        entered = true;
                        for (;;) std::this_thread::sleep_for(1h);
                    });
                });
                while (!entered) coir::sleep(100us);
                return 1;
            },
            options);
        return result + (log.count("task 'stuck' waits: to_thread") == 1 ? 2 : 0);
    });
    CHECK(code == 3);
}

TEST_CASE("D22, B05: tasks that do not end are named, with their stacks left alone") {
    COIR_NEEDS_FORK();
    const int code = exit_code_of_child([] {
        LogCapture log;
        bool unwound = false;
        struct Count {
            bool& flag;
            ~Count() { flag = true; }
        };
        int requests = 0;
        coir::RunOptions options = sim_options();
        options.cleanup_grace = 6s;
        coir::run(
            [&] {
                coir::TaskOptions stubborn;
                stubborn.name = "stubborn";
                coir::spawn_detached(stubborn, [&] {
                    Count count{unwound};
                    for (;;) {
                        try {
                            coir::sleep(1h);
                        } catch (const coir::CancelledError&) {
                            ++requests;
                        }
                    }
                });
                coir::sleep(1s);
            },
            options);
        const bool named = log.count("task 'stubborn' waits: sleep") == 1;
        return (named ? 1 : 0) + (unwound ? 0 : 2) + (requests == 3 ? 4 : 0);
    });
    CHECK(code == 7);
}

TEST_CASE("rule 240: a runner makes its loop late, runs several mains, and closes once") {
    coir_test::FdCount fds;
    coir::Runner runner(sim_options());
    coir::EventLoop* loop = nullptr;
    int background = 0;
    CHECK(runner.run([&] {
        loop = &coir::get_running_loop();
        coir::spawn_detached([&] {
            for (;;) {
                ++background;
                coir::sleep(1s);
            }
        });
        coir::sleep(1500ms);
        return 1;
    }) == 1);
    CHECK(background == 2);
    CHECK(&runner.loop() == loop);
    CHECK_FALSE(loop->is_running());
    CHECK_THROWS_AS(runner.run([] { throw std::range_error("x"); }), std::range_error);
    CHECK(runner.run([&] {
        CHECK(&coir::get_running_loop() == loop);
        coir::sleep(1s);
        return 2;
    }) == 2);
    CHECK(background == 3);  // it lives on between the runs
    runner.close();
    runner.close();
    CHECK_THROWS_AS(runner.run([] {}), std::logic_error);
    CHECK_THROWS_AS(runner.loop(), std::logic_error);
    CHECK(coir::try_get_running_loop() == nullptr);
    coir::Runner unused;
    unused.close();
    CHECK_THROWS_AS(unused.run([] {}), std::logic_error);
}

TEST_CASE("rule 240, B41: who waits for a thread is not deadlocked, in virtual time neither") {
    coir::Runner runner(sim_options());
    runner.run([] {
        coir::EventLoop& loop = coir::get_running_loop();
        coir::Event event;
        const auto before = loop.time();
        std::thread thread([&] {
            std::this_thread::sleep_for(100ms);
            loop.call_soon_threadsafe([&] { event.set(); });
        });
        event.wait();
        thread.join();
        CHECK(loop.time() == before);  // no virtual time has passed
    });
}

TEST_CASE("rule 240, B41: a deadlock ends every run that meets one") {
    coir::Runner runner(sim_options());
    for (int i = 0; i < 2; ++i) {
        CHECK_THROWS_AS(runner.run([] { coir::await(coir::create_future<int>()); }),
                        coir::DeadlockError);
    }
    CHECK(runner.run([] { return 3; }) == 3);
}

TEST_CASE("rule 241, D21: the first SIGINT or SIGTERM cancels main, and run throws Interrupted") {
    for (int signo : {SIGINT, SIGTERM}) {
        for (const char* reactor : {"sim", "epoll"}) {
            coir::RunOptions options = sim_options();
            options.reactor = reactor;
            bool unwound = false;
            int thrown = 0;
            try {
                coir::run(
                    [&] {
                        coir::get_running_loop().call_soon([signo] { std::raise(signo); });
                        try {
                            coir::sleep(1h);
                        } catch (const coir::CancelledError&) {
                            unwound = true;
                            throw;
                        }
                    },
                    options);
            } catch (const coir::Interrupted& interrupted) {
                thrown = interrupted.signo();
            }
            CHECK(unwound);
            CHECK(thrown == signo);
        }
    }
}

TEST_CASE("rule 241: a signal wakes a loop that sleeps in the kernel") {
    coir::RunOptions options = coir_test::options();
    std::thread sender;
    const auto start = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(coir::run(
                        [&] {
                            sender = std::thread([] {
                                std::this_thread::sleep_for(30ms);
                                ::kill(::getpid(), SIGINT);
                            });
                            coir::sleep(30s);
                        },
                        options),
                    coir::Interrupted);
    sender.join();
    CHECK(std::chrono::steady_clock::now() - start < 20s);
}

TEST_CASE("rule 242: a main that swallows the interrupt wins, with a value or with an error") {
    auto interrupted_main = [](auto then) {
        return [then] {
            coir::get_running_loop().call_soon([] { std::raise(SIGINT); });
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
            }
            return then();
        };
    };
    CHECK(coir::run(interrupted_main([] { return 4; }), sim_options()) == 4);
    CHECK_THROWS_AS(coir::run(interrupted_main([]() -> int { throw std::range_error("e"); }),
                              sim_options()),
                    std::range_error);
}

TEST_CASE("rule 243: a main that somebody else was cancelling is cancelled, not interrupted") {
    CHECK_THROWS_AS(coir::run(
                        [] {
                            const coir::TaskRef main = coir::current_task();
                            coir::get_running_loop().call_soon([main] {
                                main.cancel("somebody else");
                                std::raise(SIGINT);
                            });
                            try {
                                coir::sleep(1h);
                            } catch (const coir::CancelledError&) {
                                coir::no_cancel([] { coir::sleep(1s); });
                                throw;
                            }
                        },
                        sim_options()),
                    coir::CancelledError);
}

TEST_CASE("rule 241: only main is cancelled by the signal; the next run starts afresh") {
    coir::Runner runner(sim_options());
    bool other_cancelled = false;
    CHECK_THROWS_AS(runner.run([&] {
        coir::spawn_detached([&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                other_cancelled = true;
                throw;
            }
        });
        coir::get_running_loop().call_soon([] { std::raise(SIGINT); });
        coir::sleep(1h);
    }),
                    coir::Interrupted);
    CHECK_FALSE(other_cancelled);
    CHECK(runner.run([] {
        coir::sleep(1s);
        return 6;
    }) == 6);
    runner.close();
    CHECK(other_cancelled);
}

TEST_CASE("rule 244, D21: the second signal has its default effect") {
    COIR_NEEDS_FORK();
    for (int signo : {SIGINT, SIGTERM}) {
        const int code = exit_code_of_child([signo] {
            coir::run(
                [signo] {
                    coir::get_running_loop().call_soon([signo] { std::raise(signo); });
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        std::raise(signo);  // the user is losing patience
                    }
                },
                sim_options());
            return 0;
        });
        CHECK(code == -signo);
    }
}

TEST_CASE("rule 245: signals are hooked during run only, in the main thread, if nobody has") {
    const auto before = handler_of(SIGINT);
    REQUIRE(before == SIG_DFL);
    run_on_sim([] {
        CHECK(handler_of(SIGINT) != SIG_DFL);
        CHECK(handler_of(SIGTERM) != SIG_DFL);
    });
    CHECK(handler_of(SIGINT) == SIG_DFL);
    CHECK(handler_of(SIGTERM) == SIG_DFL);
    CHECK_THROWS_AS(coir::run([] { throw std::range_error("x"); }, sim_options()),
                    std::range_error);
    CHECK(handler_of(SIGINT) == SIG_DFL);

    auto own = +[](int) {};
    std::signal(SIGINT, own);
    run_on_sim([own] {
        CHECK(handler_of(SIGINT) == own);
        CHECK(handler_of(SIGTERM) != SIG_DFL);
    });
    CHECK(handler_of(SIGINT) == own);
    std::signal(SIGINT, SIG_DFL);

    // Whoever hooks it meanwhile keeps it.
    run_on_sim([own] { std::signal(SIGINT, own); });
    CHECK(handler_of(SIGINT) == own);
    std::signal(SIGINT, SIG_DFL);

    bool hooked_elsewhere = true;
    std::thread([&] {
        coir::run([&] { hooked_elsewhere = handler_of(SIGINT) != SIG_DFL; }, sim_options());
    }).join();
    CHECK_FALSE(hooked_elsewhere);
}
