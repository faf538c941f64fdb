// SPDX-License-Identifier: BSL-1.0
// Exceptions and fibers: rules 85, 86, decisions D1, D2, D7, D8, bug classes B01, B02, B22.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/queue.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <cerrno>
#include <chrono>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <fcntl.h>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("D1: CancelledError is not a std::exception, and broad handlers do not eat it") {
    STATIC_REQUIRE_FALSE(std::is_base_of_v<std::exception, coir::CancelledError>);
    STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, coir::TaskCancelledError>);
    run_on_sim([] {
        bool eaten = false;
        auto task = coir::create_task([&] {
            try {
                coir::sleep(1h);
            } catch (const std::exception&) {
                eaten = true;
            }
        });
        coir::yield_now();
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK_FALSE(eaten);
        CHECK(task.cancelled());
    });
}

TEST_CASE("rule 85: a hand-written timeout in five steps leaves no trace") {
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        auto task = coir::create_task([&] {
            const coir::TaskRef self = coir::current_task();
            bool expired = false;
            // 1 arm; 2 cancel on expiry; 3 catch; 4 uncancel; 5 convert only if it was ours.
            coir::TimerHandle timer = loop.call_later(1s, [&, self] {
                expired = true;
                self.cancel();
            });
            try {
                coir::sleep(1h);
                return std::string("slept");
            } catch (const coir::CancelledError&) {
                timer.cancel();
                if (expired && self.uncancel() == 0) return std::string("timeout");
                throw;
            }
        });
        CHECK(coir::await(task) == "timeout");
        CHECK(task.cancelling() == 0);
        CHECK(loop.metrics().swallowed_cancels == 0);
    });
}

TEST_CASE("rule 86: another exception thrown while handling the cancel becomes the task's") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                std::throw_with_nested(std::range_error("cleanup failed"));
            }
        });
        coir::yield_now();
        task.cancel("why");
        std::string cause;
        try {
            coir::await(task);
        } catch (const std::range_error& error) {
            try {
                std::rethrow_if_nested(error);
            } catch (const coir::CancelledError& cancelled) {
                cause = cancelled.message();
            }
        }
        CHECK(cause == "why");
        CHECK_FALSE(task.cancelled());
    });
}

namespace {

// Runs `at_exit` in a destructor, and notes what it threw.
template <class F>
class AtExit {
public:
    explicit AtExit(F f) : f_(std::move(f)) {}
    AtExit(const AtExit&) = delete;
    AtExit& operator=(const AtExit&) = delete;
    ~AtExit() { f_(); }

private:
    F f_;
};

}  // namespace

TEST_CASE("D2: a destructor that waits during the unwinding of a cancel completes") {
    on_every_order([] {
        std::vector<std::string> log;
        auto task = coir::create_task([&] {
            try {
                AtExit slow([&] {
                    coir::sleep(1s);  // masked: an exception is in flight
                    coir::yield_now();
                    log.push_back("cleaned up");
                });
                coir::sleep(1h);
            } catch (const coir::CancelledError& cancelled) {
                log.push_back("caught " + cancelled.message());
            }
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& cancelled) {
                log.push_back("again " + cancelled.message());
                throw;
            }
        });
        coir::sleep(1s);
        task.cancel("one");
        coir::sleep(500ms);
        task.cancel("two");  // comes while the destructor sleeps: kept, not thrown there
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == std::vector<std::string>{"cleaned up", "caught one", "again two"});
    });
}

TEST_CASE("D2: every kind of wait is masked during unwinding and in no_cancel") {
    using Wait = std::function<void()>;
    auto check = [](const char* name, std::function<void(Wait)> frame) {
        INFO(name);
        auto future = coir::create_future<int>();
        auto child = coir::create_task([] { coir::sleep(2s); });
        coir::Event event;
        coir::Lock lock;
        CHECK(lock.try_lock());
        coir::Queue<int> queue;
        const std::vector<Wait> waits = {
            [&] { coir::sleep(2s); },        [&] { coir::await(future); },
            [&] { coir::await(child); },     [&] { event.wait(); },
            [&] { lock.lock(); },            [&] { CHECK(queue.get() == 3); },
            [&] { coir::to_thread([] {}); }, [&] { coir::checkpoint(); },
        };
        for (const Wait& wait : waits) {
            bool completed = false;
            bool delivered_later = false;
            auto task = coir::create_task([&] {
                try {
                    frame([&] {
                        wait();
                        completed = true;
                    });
                } catch (const std::range_error&) {
                }
                try {
                    coir::checkpoint();
                } catch (const coir::CancelledError&) {
                    delivered_later = true;
                }
            });
            coir::sleep(1s);
            if (!task.done()) task.cancel();
            coir::sleep(1s);
            event.set();
            if (lock.locked()) lock.unlock();
            if (!future.done()) future.set_result(1);
            queue.put_nowait(3);
            coir::await(task);
            CHECK(completed);
            CHECK((delivered_later || task.cancelling() == 0));
            queue.try_get();
            event.clear();
            lock.try_lock();
        }
        CHECK_FALSE(child.cancelled());
    };
    run_on_sim([&] {
        check("no_cancel", [](Wait wait) { coir::no_cancel(wait); });
        check("unwinding", [](Wait wait) {
            AtExit at_exit(wait);
            throw std::range_error("unwind");
        });
    });
}

TEST_CASE("D7: no_cancel keeps a request until the block has ended") {
    run_on_sim([] {
        std::string log;
        auto task = coir::create_task([&] {
            const int value = coir::no_cancel([&] {
                coir::sleep(2s);
                coir::no_cancel([] { coir::sleep(1s); });
                coir::sleep(1s);
                log += "block ";
                return 5;
            });
            log += std::to_string(value);
            coir::sleep(1s);
            log += " not reached";
        });
        coir::sleep(1s);
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == "block 5");
    });
    CHECK_THROWS_AS(coir::no_cancel([] {}), std::logic_error);
}

TEST_CASE("D8, B01: each fiber has its own exception in flight") {
    // Resumed in the order of their suspension and in the reverse one.
    for (bool reversed : {false, true}) {
        run_on_sim([reversed] {
            auto body = [](std::string own, coir::Nanoseconds delay) {
                try {
                    throw std::runtime_error(own);
                } catch (...) {
                    coir::sleep(delay);
                    CHECK(std::uncaught_exceptions() == 0);
                    try {
                        throw;
                    } catch (const std::runtime_error& error) {
                        return std::string(error.what());
                    }
                }
            };
            auto a = coir::create_task(body, "A", reversed ? 2s : 1s);
            auto b = coir::create_task(body, "B", reversed ? 1s : 2s);
            CHECK(coir::await(a) == "A");
            CHECK(coir::await(b) == "B");
            CHECK(std::current_exception() == nullptr);
        });
    }
}

namespace {

// Counts its live objects, so that an exception object that is lost or freed twice shows.
struct Counted {
    static int live;
    int value;
    explicit Counted(int v) : value(v) { ++live; }
    Counted(const Counted& other) : value(other.value) { ++live; }
    ~Counted() { --live; }
};
int Counted::live = 0;

void nest(std::mt19937& random, int depth) {
    const int mine = static_cast<int>(random());
    try {
        throw Counted(mine);
    } catch (const Counted& caught) {
        if (random() % 2 == 0) coir::yield_now();
        if (depth > 0) nest(random, depth - 1);
        if (random() % 2 == 0) coir::yield_now();
        CHECK(caught.value == mine);
        try {
            throw;
        } catch (const Counted& again) {
            if (&again != &caught || again.value != mine) FAIL("another fiber's exception");
        }
    }
}

}  // namespace

TEST_CASE("B01: 10,000 random nestings of handlers, interleaved, each see their own exception") {
    Counted::live = 0;
    run_on_sim([] {
        std::vector<coir::Task<void>> tasks;
        for (unsigned seed = 0; seed < 100; ++seed) {
            tasks.push_back(coir::create_task([seed] {
                std::mt19937 random(seed);
                for (int i = 0; i < 100; ++i) nest(random, static_cast<int>(random() % 4));
            }));
        }
        for (auto& task : tasks) coir::await(task);
    });
    CHECK(Counted::live == 0);
}

TEST_CASE("B02: a fiber born or resumed during another's unwinding has nothing in flight") {
    run_on_sim([] {
        int child_saw = -1;
        int other_saw = -1;
        int own_after = -1;
        auto other = coir::create_task([&] {
            coir::yield_now();
            other_saw = std::uncaught_exceptions();
        });
        auto task = coir::create_task([&] {
            try {
                AtExit at_exit([&] {
                    auto child = coir::create_task([&] { child_saw = std::uncaught_exceptions(); });
                    coir::await(child);
                    own_after = std::uncaught_exceptions();
                });
                throw std::range_error("unwinding");
            } catch (const std::range_error&) {
            }
            CHECK(std::uncaught_exceptions() == 0);
        });
        coir::await(task);
        coir::await(other);
        CHECK(child_saw == 0);
        CHECK(other_saw == 0);
        CHECK(own_after == 1);
        CHECK(std::uncaught_exceptions() == 0);
    });
}

TEST_CASE("B22: errno survives a switch between a call and its check") {
    run_on_sim([] {
        int seen = 0;
        auto a = coir::create_task([&] {
            errno = 7;
            coir::yield_now();
            seen = errno;
        });
        auto b = coir::create_task([] {
            CHECK(::open("/nowhere/at/all", O_RDONLY) == -1);
            CHECK(errno == ENOENT);
        });
        coir::await(a);
        coir::await(b);
        CHECK(seen == 7);
    });
}
