// SPDX-License-Identifier: BSL-1.0
// race: api.md §3, decisions D3, D5, D15.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/race.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

auto after(std::chrono::seconds delay, int value) {
    return [=] {
        coir::sleep(delay);
        return value;
    };
}

template <class... Args>
concept Races = requires(Args&&... args) { coir::race(std::forward<Args>(args)...); };

}  // namespace

static_assert(!Races<>);

TEST_CASE("api.md 3, D15: the first to finish wins, the rest are cancelled and joined") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        std::string log;
        auto handle = coir::create_task(after(1h, 1));
        auto future = coir::create_future<int>();
        const int won = coir::race(after(1h, 2), after(1s, 3), handle, future, [&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                coir::sleep(1s);  // cleans up: it is waited for
                log += 'c';
            }
            return 4;
        });
        CHECK(won == 3);
        CHECK(log == "c");
        CHECK(loop.time() - start == 2s);
        CHECK(handle.cancelled());
        CHECK(handle.cancelling() == 1);
        CHECK(future.cancelled());
        CHECK(coir::current_task().cancelling() == 0);
        CHECK(coir::all_tasks().size() == 1);
    });
}

TEST_CASE("api.md 3: a race of different results gives a variant whose index is the winner's") {
    on_every_order([] {
        auto race = [](std::chrono::seconds first, std::chrono::seconds second,
                       std::chrono::seconds third) {
            return coir::race(after(first, 1), [=] { coir::sleep(second); }, after(third, 3));
        };
        static_assert(
            std::is_same_v<decltype(race(1s, 1s, 1s)), std::variant<int, std::monostate, int>>);
        CHECK(std::get<0>(race(1s, 2s, 3s)) == 1);
        CHECK(race(2s, 1s, 3s).index() == 1);
        CHECK(std::get<2>(race(2s, 3s, 1s)) == 3);
        int shared = 5;
        auto reference = [&]() -> int& { return shared; };
        static_assert(std::is_same_v<decltype(coir::race(reference, reference)), int&>);
        CHECK(&coir::race(reference, reference) == &shared);
        CHECK(&std::get<0>(coir::race(reference, after(1s, 1))).get() == &shared);
        static_assert(std::is_void_v<decltype(coir::race([] {}, [] {}))>);
        coir::race([] { coir::sleep(1h); }, [] {});
    });
}

TEST_CASE("api.md 3: a race of a range of jobs, and of one job") {
    on_every_order([] {
        std::vector<std::function<int()>> jobs{after(3s, 1), after(1s, 2), after(2s, 3)};
        CHECK(coir::race(jobs) == 2);
        std::vector<coir::Task<int>> tasks{coir::create_task(after(2s, 4)),
                                           coir::create_task(after(1s, 5))};
        CHECK(coir::race(tasks) == 5);
        CHECK(tasks[0].cancelled());
        CHECK(coir::race(after(1s, 6)) == 6);
        CHECK(*coir::race([] { return std::make_unique<int>(7); }) == 7);
    });
}

TEST_CASE("api.md 3, D5: the first end counts, also when it is an error or a cancellation") {
    on_every_order([] {
        auto fails = [](std::chrono::seconds delay) {
            return [=]() -> int {
                coir::sleep(delay);
                throw std::range_error("first");
            };
        };
        auto fails_late = []() -> int {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                throw std::domain_error("dropped");
            }
            return 0;
        };
        auto slow = coir::create_task(after(1h, 1));
        CHECK_THROWS_AS(coir::race(slow, fails(1s), fails_late), std::range_error);
        CHECK(slow.cancelled());
        CHECK(coir::race(fails(2s), after(1s, 2), fails_late) == 2);
        auto victim = coir::create_task(after(1h, 1));
        coir::get_running_loop().call_later(1s, [=] { victim.cancel("by hand"); });
        try {
            coir::race(after(1h, 2), victim);
            FAIL("not thrown");
        } catch (const coir::TaskCancelledError& error) {
            CHECK(error.message() == "by hand");
        }
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("D33: of jobs that had ended before, the first argument wins; callables are not entered") {
    on_every_order([] {
        auto a = coir::create_task([] { return 1; });
        auto b = coir::create_task([] { return 2; });
        coir::sleep(1s);
        bool entered = false;
        CHECK(coir::race(
                  [&] {
                      entered = true;
                      return 3;
                  },
                  b, a) == 2);
        CHECK_FALSE(entered);
        CHECK(coir::race(a, a, b) == 1);  // the same twice
    });
}

TEST_CASE("rule 110, D15: cancelling the caller cancels all jobs and waits for them") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto handle = coir::create_task(after(1h, 1));
        std::string reason;
        auto caller = coir::create_task([&] {
            coir::race(handle, [&] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError& error) {
                    reason = error.message();
                    coir::sleep(1s);  // not cut short when another job ends
                    throw;
                }
                return 1;
            });
        });
        coir::sleep(1s);
        caller.cancel("enough");
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(caller.cancelled());
        CHECK(reason == "enough");
        CHECK(handle.cancelled());
        CHECK(loop.time() - start == 2s);
    });
}

TEST_CASE("rule 110: a cancelled gather asks each job once, whoever ends first") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        int cleaned_up = 0;
        auto caller = coir::create_task([&] {
            coir::gather([] { coir::sleep(1h); },
                         [&] {
                             try {
                                 coir::sleep(1h);
                             } catch (const coir::CancelledError&) {
                                 coir::sleep(1s);
                                 ++cleaned_up;
                                 throw;
                             }
                         });
        });
        coir::sleep(1s);
        caller.cancel();
        CHECK_THROWS_AS(coir::await(caller), coir::TaskCancelledError);
        CHECK(cleaned_up == 1);
        CHECK(loop.time() - start == 2s);
    });
}

TEST_CASE("D3: a job that gives its result in spite of the cancellation wins; the request stays") {
    on_every_order([] {
        auto stubborn = [] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
            }
            return 5;
        };
        int won = 0;
        bool next_threw = false;
        auto caller = coir::create_task([&] {
            won = coir::race(after(1h, 1), stubborn);
            CHECK(coir::current_task().cancelling() == 1);
            try {
                coir::checkpoint();
            } catch (const coir::CancelledError&) {
                next_threw = true;
            }
        });
        coir::sleep(1s);
        caller.cancel();
        coir::await(caller);
        CHECK(won == 5);
        CHECK(next_threw);
    });
}

TEST_CASE("D3: cancelled when the winner is known, race gives the winner's result") {
    on_every_order([] {
        auto& loop = coir::get_running_loop();
        const auto start = loop.time();
        auto caller = coir::create_task([&] {
            const int won = coir::race(after(1s, 1), [] {
                try {
                    coir::sleep(1h);
                } catch (const coir::CancelledError&) {
                    coir::sleep(1h);  // the second request cuts this short
                }
                return 2;
            });
            CHECK_THROWS_AS(coir::yield_now(), coir::CancelledError);
            return won;
        });
        coir::sleep(2s);
        caller.cancel();
        CHECK(coir::await(caller) == 1);
        CHECK(loop.time() - start == 2s);
    });
}

TEST_CASE("D3, rule 79: entered cancelled, race cancels and joins, and what had ended is no winner") {
    on_every_order([] {
        auto done = coir::create_task([] { return 1; });
        auto running = coir::create_task(after(1h, 2));
        coir::sleep(1s);
        bool entered = false;
        auto caller = coir::create_task([&] {
            coir::current_task().cancel();
            CHECK_THROWS_AS(coir::race(done), coir::CancelledError);
            coir::current_task().cancel();
            CHECK_THROWS_AS(coir::race(done, running,
                                       [&] {
                                           entered = true;
                                           return 3;
                                       }),
                            coir::CancelledError);
        });
        coir::await(caller);
        CHECK_FALSE(entered);
        CHECK(running.cancelled());
        CHECK(coir::await(done) == 1);
    });
}

TEST_CASE("D6: a race inside a timeout, and a timeout as a runner") {
    on_every_order([] {
        CHECK_THROWS_AS(coir::with_timeout(1s, [] { return coir::race(after(2s, 1), after(3s, 2)); }),
                        coir::TimeoutError);
        CHECK(coir::race(after(2s, 1), [] {
                  return coir::move_on_after(1s, after(1h, 2)).value_or(-1);
              }) == -1);
        CHECK(coir::current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 114, 115: race refuses bad jobs before any is started") {
    run_on_sim([] {
        coir::EventLoop other(coir_test::sim_options());
        bool ran = false;
        auto job = [&] {
            ran = true;
            return 1;
        };
        CHECK_THROWS_AS(coir::race(job, other.create_future<int>()), coir::WrongThreadError);
        CHECK_THROWS_AS(coir::race(job, coir::Future<int>()), coir::InvalidStateError);
        CHECK_THROWS_AS(coir::race(job, std::function<int()>()), std::invalid_argument);
        CHECK_THROWS_AS(coir::gather(job, std::function<int()>()), std::invalid_argument);
        CHECK_THROWS_AS(coir::gather_settled(job, static_cast<int (*)()>(nullptr)),
                        std::invalid_argument);
        CHECK_THROWS_AS(coir::gather(std::vector<std::function<int()>>{job, nullptr}),
                        std::invalid_argument);
        CHECK_THROWS_AS(coir::race(std::vector<std::function<int()>>()), std::invalid_argument);
        coir::yield_now();
        CHECK_FALSE(ran);
        coir::Task<int> self;
        self = coir::create_task([&] {
            CHECK_THROWS_AS(coir::race(self, job), coir::InvalidStateError);
            return 1;
        });
        coir::await(self);
        CHECK_FALSE(ran);
    });
    CHECK_THROWS_AS(coir::race([] {}), std::logic_error);
}

TEST_CASE("D2: race while a cancellation unwinds, and with exceptions in flight") {
    on_every_order([] {
        int won = 0;
        struct Goodbye {
            int& won;
            ~Goodbye() { won = coir::race(after(1s, 1), after(2s, 2)); }
        };
        auto task = coir::create_task([&] {
            Goodbye goodbye{won};
            coir::sleep(1h);
        });
        coir::sleep(1s);
        task.cancel();
        coir::yield_now();
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(won == 1);
        try {
            throw std::range_error("outer");
        } catch (const std::range_error&) {
            CHECK(coir::race(after(2s, 3), after(1s, 4)) == 4);
            CHECK_THROWS_WITH(std::rethrow_exception(std::current_exception()), "outer");
        }
    });
}
