// SPDX-License-Identifier: BSL-1.0
// <coir/interop/coroutine.hpp>: coroutines that wait for tasks, and tasks that wait for coroutines.
#ifdef __cpp_impl_coroutine
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>
#include <coir/interop/coroutine.hpp>

#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

// Begins when it is awaited, as those of most libraries do.
template <class T>
class Lazily {
public:
    struct promise_type {
        Lazily get_return_object() {
            return Lazily(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct GoOn {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
                    return self.promise().waiting;
                }
                void await_resume() noexcept {}
            };
            return GoOn{};
        }
        void return_value(T result) { value.emplace(std::move(result)); }
        void unhandled_exception() { error = std::current_exception(); }
        std::coroutine_handle<> waiting;
        std::optional<T> value;
        std::exception_ptr error;
    };

    Lazily(Lazily&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Lazily& operator=(Lazily&&) = delete;
    ~Lazily() {
        if (coroutine_) coroutine_.destroy();
    }
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
        coroutine_.promise().waiting = waiting;
        return coroutine_;
    }
    T await_resume() {
        if (coroutine_.promise().error) std::rethrow_exception(coroutine_.promise().error);
        return std::move(*coroutine_.promise().value);
    }

private:
    explicit Lazily(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    std::coroutine_handle<promise_type> coroutine_;
};

// Goes on in another thread.
struct ElsewhereAwaiter {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
        thread = std::thread([coroutine] {
            std::this_thread::sleep_for(2ms);
            coroutine.resume();
        });
    }
    std::thread::id await_resume() const { return std::this_thread::get_id(); }
    std::thread& thread;
};
struct Elsewhere {
    std::thread& thread;
};
ElsewhereAwaiter operator co_await(Elsewhere x) { return {x.thread}; }

coir::Future<int> twice(coir::Task<int> task) { co_return 2 * co_await task; }

coir::Future<void> note_when_done(coir::Future<int> future, std::string& log) {
    log += "begun ";
    log += std::to_string(co_await future);
}

Lazily<std::string> joined(coir::Future<std::string> a, coir::Future<std::string> b) {
    std::string text = co_await a;
    text += co_await b;
    co_return text;
}

}  // namespace

TEST_CASE("a coroutine that returns a Future awaits tasks, and a task awaits it") {
    run_in_loop([] {
        auto task = coir::create_task([] {
            coir::sleep(1ms);
            return 21;
        });
        CHECK(coir::await(twice(task)) == 42);
        CHECK(coir::await(twice(task)) == 42);  // done already
    });
}

TEST_CASE("a coroutine begins at once, and goes on by the loop when what it awaits is done") {
    run_in_loop([] {
        std::string log;
        const auto future = coir::create_future<int>();
        const auto whole = note_when_done(future, log);
        CHECK(log == "begun ");
        future.set_result(7);
        CHECK(log == "begun ");
        coir::await(whole);
        CHECK(log == "begun 7");
    });
}

TEST_CASE("exceptions go from tasks into coroutines and on into tasks") {
    run_in_loop([] {
        auto failing = coir::create_task([]() -> int { throw std::runtime_error("of the task"); });
        CHECK_THROWS_WITH(coir::await(twice(failing)), "of the task");
        const auto catching = [](coir::Future<int> future) -> coir::Future<std::string> {
            try {
                co_return std::to_string(co_await future);
            } catch (const coir::TaskCancelledError&) {
                co_return "cancelled";
            }
        };
        const auto future = coir::create_future<int>();
        const auto text = catching(future);
        future.cancel();
        CHECK(coir::await(text) == "cancelled");
    });
}

TEST_CASE("a task awaits a coroutine of any library, and what it brings may be move-only") {
    run_in_loop([] {
        const auto a = coir::create_future<std::string>();
        const auto b = coir::create_future<std::string>();
        auto setter = coir::create_task([&] {
            b.set_result("b");
            coir::sleep(1ms);
            a.set_result("a");
        });
        CHECK(coir::await(joined(a, b)) == "ab");
        coir::await(setter);
        const auto owning = []() -> Lazily<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
        CHECK(*coir::await(owning()) == 5);
        const auto throwing = []() -> Lazily<int> {
            throw std::out_of_range("by hand");
            co_return 0;
        };
        CHECK_THROWS_AS(coir::await(throwing()), std::out_of_range);
    });
}

TEST_CASE("a task awaits what is done on another thread, and goes on in its own") {
    run_in_loop([] {
        std::thread other;
        const auto here = std::this_thread::get_id();
        CHECK(coir::await(Elsewhere{other}) != here);
        CHECK(std::this_thread::get_id() == here);
        other.join();
    });
}

TEST_CASE("a task that is cancelled waits for its coroutine, and is cancelled at its next await") {
    run_in_loop([] {
        std::string log;
        const auto future = coir::create_future<std::string>();
        auto task = coir::create_task([&] {
            log += coir::await(joined(future, future));
            coir::sleep(1h);
        });
        coir::yield_now();
        task.cancel();
        coir::yield_now();
        CHECK_FALSE(task.done());
        future.set_result("x");
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(log == "xx");

        bool begun = false;
        const auto beginning = [&begun]() -> Lazily<int> {
            begun = true;
            co_return 1;
        };
        auto late = coir::create_task([&] { coir::await(beginning()); });
        late.cancel();
        CHECK_THROWS_AS(coir::await(late), coir::TaskCancelledError);
        CHECK_FALSE(begun);
    });
}

TEST_CASE("a coroutine that is destroyed while it waits is left alone") {
    run_in_loop([] {
        const auto future = coir::create_future<std::string>();
        std::string log;
        const auto noting = [&log](coir::Future<std::string> awaited) -> Lazily<int> {
            log += co_await awaited;
            co_return 0;
        };
        {
            Lazily<int> coroutine = noting(future);
            coroutine.await_suspend(std::noop_coroutine()).resume();  // it waits for the future
        }
        future.set_result("for nobody");
        coir::yield_now();
        coir::yield_now();
        CHECK(log.empty());
    });
}

TEST_CASE("the result of a coroutine whose future was cancelled is dropped") {
    run_in_loop([] {
        const auto future = coir::create_future<int>();
        std::string log;
        const auto whole = note_when_done(future, log);
        whole.cancel();
        future.set_result(1);
        CHECK_THROWS_AS(coir::await(whole), coir::TaskCancelledError);
        coir::yield_now();
        CHECK(log == "begun 1");
    });
}
#endif
