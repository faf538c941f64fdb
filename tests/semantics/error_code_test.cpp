// SPDX-License-Identifier: BSL-1.0
// await with an error code (decision D7): which codes, and that nothing is thrown or lost.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/error_code.hpp>
#include <coir/event_loop.hpp>
#include <coir/timeout.hpp>

#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir::Errc;
using coir_test::on_every_order;
using coir_test::run_on_sim;

namespace {

std::error_code code_of(std::exception_ptr error) {
    auto future = coir::create_future<int>();
    future.set_exception(std::move(error));
    std::error_code code;
    CHECK_FALSE(coir::await(future, code).has_value());
    return code;
}

template <class E>
std::error_code code_of(E error) {
    return code_of(std::make_exception_ptr(std::move(error)));
}

}  // namespace

TEST_CASE("D7: which code stands for which exception, and for which condition") {
    run_on_sim([] {
        CHECK(code_of(coir::TimeoutError()) == Errc::timed_out);
        CHECK(code_of(coir::TimeoutError()) == std::errc::timed_out);
        CHECK(code_of(coir::TaskCancelledError("x")) == Errc::task_cancelled);
        CHECK(code_of(coir::TaskCancelledError("x")) == std::errc::operation_canceled);
        CHECK(code_of(coir::InvalidStateError("x")) == Errc::invalid_state);
        CHECK(code_of(coir::WrongThreadError("x")) == Errc::wrong_thread);
        CHECK(code_of(coir::BrokenPromise()) == Errc::broken_promise);
        CHECK(code_of(coir::BrokenPromise()) == std::errc::state_not_recoverable);
        CHECK(code_of(std::range_error("x")) == Errc::failed);
        CHECK(code_of(3) == Errc::failed);
        CHECK(code_of(std::bad_alloc()) == std::errc::not_enough_memory);
        CHECK(code_of(coir::IoError(ECONNRESET, "recv", 3)) ==
              std::error_code(ECONNRESET, std::generic_category()));
        CHECK(code_of(std::system_error(EPIPE, std::system_category())) == std::errc::broken_pipe);

        CHECK(coir::error_category().name() == std::string("coir"));
        for (int code = 1; code <= static_cast<int>(Errc::failed); ++code) {
            CHECK_FALSE(coir::error_category().message(code).empty());
            CHECK(coir::error_category().default_error_condition(code).category() !=
                  coir::error_category());
        }
        CHECK(coir::error_category().message(99) == "unknown code 99");
        CHECK(coir::error_category().default_error_condition(99).value() == 99);
    });
}

TEST_CASE("D7: misuse is a code too, and values of every kind come through") {
    std::error_code code;
    run_on_sim([&] {
        CHECK_FALSE(coir::await(coir::Future<int>(), code).has_value());
        CHECK(code == Errc::invalid_state);
        coir::EventLoop other(coir_test::sim_options());
        CHECK_FALSE(coir::await(other.create_future<int>(), code).has_value());
        CHECK(code == Errc::wrong_thread);
        coir::Task<void> self;
        self = coir::create_task([&] {
            std::error_code own;
            CHECK_FALSE(coir::await(self, own).has_value());
            CHECK(own == Errc::invalid_state);
        });
        CHECK(coir::await(self, code).has_value());
        CHECK_FALSE(code);

        auto pointer = coir::create_task([] { return std::make_unique<int>(3); });
        CHECK(**coir::await(std::move(pointer), code) == 3);
        CHECK_FALSE(coir::await(std::move(pointer), code).has_value());
        CHECK(code == Errc::invalid_state);  // moved out
    });
    run_on_sim([&] {
        auto future = coir::create_future<int>();
        coir::get_running_loop().call_soon([&] {
            CHECK_FALSE(coir::await(future, code).has_value());
            CHECK(code == Errc::failed);  // not in a task
        });
        coir::sleep(1s);
    });
}

TEST_CASE("D7, D5: one's own cancellation and somebody else's are told apart") {
    on_every_order([] {
        auto awaited = coir::create_task([] { coir::sleep(1h); });
        auto pending = coir::create_future<int>();
        std::vector<std::error_code> codes(3);
        auto task = coir::create_task([&] {
            [&]() noexcept {
                coir::await(awaited, codes[0]);
                coir::await(pending, codes[1]);
                coir::await(pending, codes[2]);  // until it is delivered
            }();
            CHECK(coir::current_task().cancelling() == 1);
            CHECK_THROWS_AS(coir::checkpoint(), coir::CancelledError);
            coir::yield_now();  // once
        });
        coir::sleep(1s);
        awaited.cancel();
        coir::sleep(1s);
        task.cancel();
        coir::await(task);
        CHECK(codes[0] == Errc::task_cancelled);
        CHECK(codes[1] == Errc::cancelled);
        CHECK(codes[2] == Errc::cancelled);
        CHECK(pending.cancelled());
    });
}

TEST_CASE("D7: a result that is there is given, and the request stays pending") {
    on_every_order([] {
        auto future = coir::create_future<int>();
        std::error_code code = Errc::failed;
        int got = 0;
        auto task = coir::create_task([&] {
            [&]() noexcept { got = coir::await(future, code).value_or(-1); }();
            CHECK_THROWS_AS(coir::yield_now(), coir::CancelledError);
        });
        coir::sleep(1s);
        future.set_result(4);
        task.cancel();
        coir::await(task);
        CHECK(got == 4);
        CHECK_FALSE(code);
    });
}

TEST_CASE("D16: checkpoint throws a pending request, and yields when its turn is used up") {
    run_on_sim([] {
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        coir::checkpoint();
        CHECK_FALSE(other_ran);  // not at once
        for (int i = 0; i < 200; ++i) coir::checkpoint();
        CHECK(other_ran);
        coir::await(other);
        coir::current_task().cancel("why");
        try {
            coir::checkpoint();
            FAIL("not thrown");
        } catch (const coir::CancelledError& error) {
            CHECK(error.message() == "why");
        }
        coir::checkpoint();
        coir::current_task().uncancel();
        // A computation is cut off at its deadline only where it looks at the world; checkpoint()
        // that yields is such a place.
        CHECK_FALSE(coir::move_on_after(0s, [] {
            for (;;) {
                coir::checkpoint();
                coir::yield_now();
            }
        }));
    });
}
