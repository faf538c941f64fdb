// SPDX-License-Identifier: BSL-1.0
// Futures and promises: semantics.md §2.3, decisions D5, D7, D12, D13.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/future.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;
using coir_test::sim_options;

TEST_CASE("rule 34: a new future is neither done nor cancelled and has no outcome") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        CHECK_FALSE(future.done());
        CHECK_FALSE(future.cancelled());
        CHECK_THROWS_AS(future.result(), coir::InvalidStateError);
        CHECK_THROWS_AS(future.exception(), coir::InvalidStateError);
        CHECK(&future.loop() == &coir::get_running_loop());
    });
}

TEST_CASE("rule 34: an empty handle throws on any use but assignment") {
    run_on_sim([] {
        coir::Future<int> empty;
        CHECK_FALSE(static_cast<bool>(empty));
        CHECK_THROWS_AS(empty.done(), coir::InvalidStateError);
        CHECK_THROWS_AS(empty.result(), coir::InvalidStateError);
        CHECK_THROWS_AS(empty.set_result(1), coir::InvalidStateError);
        CHECK_THROWS_AS(empty.cancel(), coir::InvalidStateError);
        CHECK_THROWS_AS(empty.add_done_callback([] {}), coir::InvalidStateError);
        CHECK_THROWS_AS(coir::await(empty), coir::InvalidStateError);
        CHECK_THROWS_AS(coir::await(coir::Task<int>()), coir::InvalidStateError);
        auto full = coir::create_future<int>();
        empty = std::move(full);
        CHECK_THROWS_AS(full.done(), coir::InvalidStateError);
        CHECK_FALSE(empty.done());
    });
}

TEST_CASE("rule 35: completing twice is an error, in every mix") {
    using Complete = std::function<void(const coir::Future<int>&)>;
    const std::vector<Complete> ways = {
        [](const coir::Future<int>& f) { f.set_result(1); },
        [](const coir::Future<int>& f) { f.set_exception(std::runtime_error("x")); },
        [](const coir::Future<int>& f) { f.cancel(); },
    };
    run_on_sim([&] {
        for (std::size_t first = 0; first < ways.size(); ++first) {
            auto future = coir::create_future<int>();
            ways[first](future);
            CHECK(future.done());
            CHECK_THROWS_AS(future.set_result(2), coir::InvalidStateError);
            CHECK_THROWS_AS(future.set_exception(std::runtime_error("y")), coir::InvalidStateError);
            CHECK_FALSE(future.cancel());
            CHECK_FALSE(future.try_set_result(3));
            CHECK(future.cancelled() == (first == 2));
            if (first == 0) CHECK(future.result() == 1);
            if (first == 1) CHECK_THROWS_WITH(future.result(), "x");
        }
        auto fresh = coir::create_future<int>();
        CHECK_THROWS_AS(fresh.set_exception(std::exception_ptr()), std::invalid_argument);
        CHECK_FALSE(fresh.done());
        CHECK(fresh.try_set_result(4));
        CHECK(fresh.result() == 4);
    });
}

TEST_CASE("rule 36: cancelling a pending future") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        CHECK(future.cancel());
        CHECK(future.done());
        CHECK(future.cancelled());
        CHECK_THROWS_AS(future.result(), coir::CancelledError);
        CHECK_THROWS_AS(future.exception(), coir::CancelledError);
        CHECK_FALSE(future.cancel());
    });
}

TEST_CASE("rule 37: cancelling a finished future changes nothing") {
    run_on_sim([] {
        auto future = coir::create_future<std::string>();
        future.set_result("kept");
        CHECK_FALSE(future.cancel("late"));
        CHECK_FALSE(future.cancelled());
        CHECK(future.result() == "kept");
        CHECK(future.exception() == nullptr);
    });
}

TEST_CASE("rule 38, D38: a result can be read any number of times") {
    run_on_sim([] {
        auto future = coir::create_future<std::string>();
        future.set_result("again");
        for (int i = 0; i < 3; ++i) {
            CHECK(future.result() == "again");
            CHECK(coir::await(future) == "again");
            CHECK(future.get() == "again");
            CHECK(future.exception() == nullptr);
        }
        const auto failed = coir::create_future<void>();
        failed.set_exception(std::range_error("each time"));
        for (int i = 0; i < 3; ++i) {
            CHECK_THROWS_AS(failed.result(), std::range_error);
            CHECK_THROWS_AS(coir::await(failed), std::range_error);
        }
    });
}

TEST_CASE("rule 46: awaiting a done future does not suspend") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        future.set_result(1);
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 100; ++i) CHECK(coir::await(future) == 1);
        CHECK_FALSE(other_ran);
        coir::yield_now();
        CHECK(other_ran);
    });
}

TEST_CASE("rule 47: all who await a future resume, in the order of their awaits") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        std::string order;
        auto waiter = [&](char name, coir::Nanoseconds delay) {
            coir::sleep(delay);
            const int value = coir::await(future);
            CHECK(value == 9);
            order += name;
        };
        auto a = coir::create_task(waiter, 'a', 3s);
        auto b = coir::create_task(waiter, 'b', 1s);
        auto c = coir::create_task(waiter, 'c', 2s);
        coir::sleep(10s);
        future.set_result(9);
        CHECK(order.empty());
        coir::sleep(1s);
        CHECK(order == "bca");
    });
}

TEST_CASE("rule 47: every awaiter gets the outcome, in any order of steps") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        int sum = 0;
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 50; ++i) {
            tasks.push_back(coir::create_task([&, i] {
                for (int j = 0; j < i % 5; ++j) coir::yield_now();
                sum += coir::await(future);
            }));
        }
        coir::spawn_detached([future] {
            coir::yield_now();
            future.set_result(2);
        });
        for (auto& task : tasks) coir::await(task);
        CHECK(sum == 100);
    });
}

TEST_CASE("rule 47: whoever awaits keeps what is awaited, whatever becomes of the handle") {
    on_every_order([] {
        auto changed = coir::create_future<std::string>();
        std::vector<coir::Task<std::string>> waiters;
        for (int i = 0; i < 3; ++i) {
            waiters.push_back(coir::create_task([&] { return coir::await(changed); }));
        }
        coir::sleep(1s);
        // The usual way to tell of one change and to go on to the next.
        std::exchange(changed, coir::create_future<std::string>()).set_result(std::string(100, 'a'));
        for (auto& waiter : waiters) CHECK(coir::await(waiter) == std::string(100, 'a'));
        CHECK_FALSE(changed.done());

        auto worker = coir::create_task([] { coir::sleep(1s); return std::string(100, 'b'); });
        auto waiter = coir::create_task([&] { return coir::await(worker); });
        auto moving = coir::create_task([&] { return coir::await(std::move(worker)); });
        coir::sleep(500ms);  // both wait
        worker = {};
        CHECK(coir::await(waiter) == std::string(100, 'b'));
        CHECK(coir::await(moving) == std::string(100, 'b'));
    });
    run_on_sim([] {
        auto failing = coir::create_future<int>();
        auto waiter = coir::create_task([&] { return coir::await(failing); });
        coir::yield_now();
        failing.set_exception(std::range_error("kept"));
        failing = {};
        CHECK_THROWS_WITH(coir::await(waiter), "kept");  // and is not reported as lost
        // A promise that is dropped breaks for it, too.
        std::optional<coir::Promise<int>> promise(std::in_place);
        auto promised = promise->get_future();
        auto hopeful = coir::create_task([&] { return coir::await(promised); });
        coir::yield_now();
        promised = {};
        promise.reset();
        CHECK_THROWS_AS(coir::await(hopeful), coir::BrokenPromise);
        // More of them than its counter holds.
        auto crowded = coir::create_future<std::shared_ptr<int>>();
        std::weak_ptr<int> value;
        std::deque<coir::detail::StateBase::Kept> awaits;
        for (int i = 0; i < 40'000; ++i) awaits.emplace_back(crowded.state());
        {
            auto token = std::make_shared<int>(1);
            value = token;
            crowded.set_result(token);
        }
        crowded = {};
        while (awaits.size() > 1) awaits.pop_back();
        CHECK_FALSE(value.expired());
        awaits.clear();
        CHECK(value.expired());
    });
}

TEST_CASE("rule 48: awaiting another loop's future is an error in the awaiting task") {
    coir::EventLoop other(sim_options());
    auto foreign = other.create_future<int>();
    auto foreign_task = other.create_task([] { return 5; });
    run_on_sim([&] {
        CHECK_THROWS_AS(coir::await(foreign), coir::WrongThreadError);
        CHECK_THROWS_AS(coir::await(foreign_task), coir::WrongThreadError);
    });
    foreign.set_result(4);
    CHECK(other.run_until_complete(foreign) == 4);
    CHECK(other.run_until_complete(foreign_task) == 5);
}

TEST_CASE("rule 50: what is set on a future of a closed loop is refused, and its error not lost") {
    coir::Future<int> future;
    coir::Future<int> failed;
    {
        coir::EventLoop loop(sim_options());
        future = loop.create_future<int>();
        failed = loop.create_future<int>();
        failed.set_exception(std::runtime_error("kept"));
    }
    CHECK_THROWS_AS(future.set_result(1), coir::InvalidStateError);
    CHECK_THROWS_AS(future.add_done_callback([] {}), std::logic_error);
    CHECK_FALSE(future.done());
    CHECK_THROWS_WITH(failed.result(), "kept");
}

TEST_CASE("rule 51: the reason of a cancellation reaches all who look") {
    run_on_sim([] {
        auto message_of = [](auto call) -> std::string {
            try {
                call();
            } catch (const coir::CancelledError& cancelled) {
                return "cancelled: " + cancelled.message();
            } catch (const coir::TaskCancelledError& cancelled) {
                return "task cancelled: " + cancelled.message();
            }
            return "nothing";
        };
        auto future = coir::create_future<int>();
        auto awaiter = coir::create_task([&] {
            return message_of([&] { coir::await(future); });
        });
        coir::yield_now();
        future.cancel("because");
        CHECK(message_of([&] { future.result(); }) == "cancelled: because");
        CHECK(message_of([&] { future.exception(); }) == "cancelled: because");
        CHECK(coir::await(awaiter) == "task cancelled: because");

        std::string seen;
        auto task = coir::create_task([&] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError& cancelled) {
                seen = cancelled.message();
                throw;
            }
        });
        coir::yield_now();
        task.cancel("enough");
        CHECK(message_of([&] { coir::await(task); }) == "task cancelled: enough");
        CHECK(message_of([&] { task.result(); }) == "cancelled: enough");
        CHECK(seen == "enough");

        auto unborn = coir::create_task([] {});
        unborn.cancel("early");
        CHECK(message_of([&] { coir::await(unborn); }) == "task cancelled: early");
    });
}

TEST_CASE("D5: a future cancelled by somebody else throws TaskCancelledError into its awaiter") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        auto awaiter = coir::create_task([&]() -> std::string {
            try {
                coir::await(future);
            } catch (const std::exception& error) {  // unlike one's own cancellation
                return error.what();
            }
            return "value";
        });
        coir::yield_now();
        future.cancel("gone");
        CHECK(coir::await(awaiter).find("gone") != std::string::npos);
        CHECK(awaiter.cancelling() == 0);
    });
}

TEST_CASE("D12: void, references and results that can only be moved") {
    run_on_sim([] {
        auto nothing = coir::create_future<void>();
        nothing.set_result();
        coir::await(nothing);
        nothing.result();

        int target = 1;
        auto reference = coir::create_future<int&>();
        reference.set_result(target);
        int& got = coir::await(reference);
        got = 5;
        CHECK(target == 5);
        CHECK(&reference.result() == &target);

        auto unique = coir::create_future<std::unique_ptr<int>>();
        auto copy = unique;
        unique.set_result(std::make_unique<int>(3));
        CHECK(*unique.result() == 3);  // looking is not taking
        std::unique_ptr<int> taken = coir::await(std::move(unique));
        CHECK(*taken == 3);
        CHECK_THROWS_AS(copy.result(), coir::InvalidStateError);
        CHECK_THROWS_AS(coir::await(std::move(copy)), coir::InvalidStateError);
    });
}

TEST_CASE("D12: an rvalue await moves from the last handle and copies from others") {
    run_on_sim([] {
        auto future = coir::create_future<std::vector<int>>();
        future.set_result(std::vector<int>(1000, 7));
        const int* data = future.result().data();
        auto copy = future;
        std::vector<int> copied = coir::await(std::move(copy));
        CHECK(copied.data() != data);
        CHECK(future.result().size() == 1000);
        copy = {};  // an rvalue handle that was not needed still refers to the state
        std::vector<int> moved = coir::await(std::move(future));
        CHECK(moved.data() == data);
    });
}

TEST_CASE("D13: awaiters of one loop share the exception object") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        std::vector<const void*> addresses;
        auto waiter = [&] {
            try {
                coir::await(future);
            } catch (const std::runtime_error& error) {
                addresses.push_back(&error);
            }
        };
        auto a = coir::create_task(waiter);
        auto b = coir::create_task(waiter);
        coir::yield_now();
        future.set_exception(std::runtime_error("shared"));
        coir::await(a);
        coir::await(b);
        REQUIRE(addresses.size() == 2);
        CHECK(addresses[0] == addresses[1]);
    });
}

TEST_CASE("D7: await with an error code throws nothing") {
    run_on_sim([] {
        std::error_code error = std::make_error_code(std::errc::io_error);
        auto future = coir::create_future<int>();
        future.set_result(8);
        CHECK(coir::await(future, error) == std::optional<int>(8));
        CHECK_FALSE(error);

        auto nothing = coir::create_future<void>();
        nothing.set_result();
        CHECK(coir::await(nothing, error).has_value());

        auto code_of = [&](auto exception) {
            auto failed = coir::create_future<int>();
            failed.set_exception(exception);
            CHECK_FALSE(coir::await(failed, error).has_value());
            return error;
        };
        CHECK(code_of(coir::IoError(ECONNRESET, "recv", 3)) == std::errc::connection_reset);
        CHECK(code_of(coir::TimeoutError()) == std::errc::timed_out);
        CHECK(code_of(std::runtime_error("?")) == std::errc::state_not_recoverable);
        auto cancelled = coir::create_future<int>();
        cancelled.cancel();
        CHECK_FALSE(coir::await(cancelled, error).has_value());
        CHECK(error == std::errc::operation_canceled);
        CHECK_NOTHROW(coir::yield_now());  // it was not this task that was cancelled
    });
}

TEST_CASE("D7: a cancellation as an error code stays pending for code that may throw") {
    run_on_sim([] {
        auto future = coir::create_future<int>();
        std::vector<std::string> seen;
        auto task = coir::create_task([&] {
            auto c_style = [&]() noexcept {
                std::error_code error;
                CHECK_FALSE(coir::await(future, error).has_value());
                return error;
            };
            if (c_style() == std::errc::operation_canceled) seen.push_back("code");
            try {
                coir::yield_now();
            } catch (const coir::CancelledError& cancelled) {
                seen.push_back(cancelled.message());
                throw;
            }
        });
        coir::yield_now();
        task.cancel("stop it");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(seen == std::vector<std::string>{"code", "stop it"});
        CHECK(task.cancelled());
    });
}

TEST_CASE("api.md 2: a promise that is dropped unset breaks") {
    run_on_sim([] {
        coir::Future<int> future;
        {
            coir::Promise<int> promise;
            future = promise.get_future();
            CHECK(future == promise.get_future());
        }
        CHECK_THROWS_AS(coir::await(future), coir::BrokenPromise);
        {
            coir::Promise<int> promise;
            future = promise.get_future();
            coir::Promise<int> moved = std::move(promise);
            moved.set_value(6);
        }
        CHECK(coir::await(future) == 6);
        {
            coir::Promise<void> promise;
            promise.set_exception(std::range_error("said"));
            CHECK_THROWS_AS(coir::await(promise.get_future()), std::range_error);
        }
        coir::Promise<int> replaced;
        future = replaced.get_future();
        replaced = coir::Promise<int>();
        CHECK_THROWS_AS(coir::await(future), coir::BrokenPromise);
    });
}

TEST_CASE("api.md 2: handles compare, order and hash by what they refer to") {
    run_on_sim([] {
        auto a = coir::create_future<int>();
        auto b = coir::create_future<int>();
        auto copy = a;
        CHECK(a == copy);
        CHECK(a != b);
        CHECK(((a < b) != (b < a)));
        CHECK_FALSE(a < copy);
        std::unordered_set<coir::Future<int>> set{a, b, copy};
        CHECK(set.size() == 2);
        auto task = coir::create_task([] {});
        std::map<coir::TaskRef, int> by_ref{{task.ref(), 1}, {coir::current_task(), 2}};
        CHECK(by_ref.at(task.ref()) == 1);
        coir::await(task);
    });
}
