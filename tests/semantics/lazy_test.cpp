// SPDX-License-Identifier: BSL-1.0
// Lazy: decisions D34, D3.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/sync.hpp>
#include <coir/timeout.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using coir_test::on_every_order;
using coir_test::run_on_sim;

TEST_CASE("D34: a lazy value is made once, by the first who asks, while others wait") {
    on_every_order([] {
        int made = 0;
        coir::Lazy<std::unique_ptr<int>> lazy([&] {
            coir::sleep(1s);
            return std::make_unique<int>(++made);
        });
        CHECK_FALSE(lazy.ready());
        std::vector<coir::Task<int*>> tasks;
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(coir::create_task([&] { return lazy.get().get(); }));
        }
        int* const value = lazy.get().get();
        CHECK(*value == 1);
        for (auto& task : tasks) CHECK(coir::await(task) == value);
        CHECK(lazy.ready());
        bool other_ran = false;
        coir::spawn_detached([&] { other_ran = true; });
        for (int i = 0; i < 50; ++i) lazy.get();
        CHECK_FALSE(other_ran);
        while (!other_ran) coir::yield_now();  // before its variable is gone
        CHECK(made == 1);
    });
}

TEST_CASE("D34: an initialiser that fails or is cancelled lets the next caller try") {
    on_every_order([] {
        int attempts = 0;
        coir::Lazy<int> lazy([&] {
            const int attempt = ++attempts;
            coir::sleep(1s);
            if (attempt == 1) throw std::runtime_error("not yet");
            return attempt;
        });
        auto ask = [&] { return lazy.get(); };
        auto first = coir::create_task(ask);
        coir::sleep(1ms);
        auto second = coir::create_task(ask);
        coir::sleep(1ms);
        auto third = coir::create_task(ask);
        coir::sleep(1ms);
        auto given_up = coir::create_task(ask);
        coir::sleep(1ms);
        given_up.cancel();
        CHECK_THROWS_AS(coir::await(first), std::runtime_error);
        coir::sleep(500ms);
        CHECK(attempts == 2);
        second.cancel();  // the initialiser with it
        CHECK(coir::await(third) == 3);
        CHECK((second.cancelled() && given_up.cancelled()));
        CHECK(lazy.get() == 3);
    });
}

TEST_CASE("D34, D3: who is cancelled after it was chosen to try next tries, and passes it on") {
    on_every_order([] {
        int attempts = 0;
        coir::Lazy<int> lazy([&] {
            const int attempt = ++attempts;
            coir::sleep(1s);
            if (attempt == 1) throw std::runtime_error("not yet");
            return attempt;
        });
        auto second = coir::Task<void>();
        auto first = coir::create_task([&] {
            CHECK_THROWS_AS(lazy.get(), std::runtime_error);
            second.cancel();  // it has been chosen, and has not run
        });
        coir::sleep(1ms);
        second = coir::create_task([&] { lazy.get(); });
        coir::sleep(1ms);
        auto third = coir::create_task([&] { return lazy.get(); });
        coir::await(first);
        CHECK(coir::await(third) == 3);
        CHECK(second.cancelled());
        CHECK(attempts == 3);
    });
}

TEST_CASE("D34: a limit on who initialises is the initialiser's; others try again") {
    run_on_sim([] {
        int attempts = 0;
        coir::Lazy<void> lazy([&] {
            ++attempts;
            coir::sleep(2s);
        });
        auto patient = coir::create_task([&] {
            coir::sleep(1ms);
            lazy.get();
        });
        CHECK_THROWS_AS(coir::with_timeout(1s, [&] { lazy.get(); }), coir::TimeoutError);
        coir::await(patient);
        CHECK(attempts == 2);
        lazy.get();
        CHECK(attempts == 2);
    });
}

TEST_CASE("D34: an initialiser that asks for its own value, and one that is not there, are errors") {
    run_on_sim([] {
        coir::Lazy<int>* self = nullptr;
        coir::Lazy<int> lazy([&] { return self->get(); });
        self = &lazy;
        CHECK_THROWS_AS(lazy.get(), coir::InvalidStateError);
        CHECK_THROWS_AS(lazy.get(), coir::InvalidStateError);  // it can be tried again
        std::function<int()> empty;
        CHECK_THROWS_AS(coir::Lazy<int>(empty), std::invalid_argument);
    });
}

TEST_CASE("D34: the initialiser is destroyed when it has succeeded, and may be move-only") {
    run_on_sim([] {
        auto kept = std::make_shared<int>(1);
        coir::Lazy<int> lazy([own = std::make_unique<int>(4), kept] { return *own; });
        CHECK(kept.use_count() == 2);
        CHECK(lazy.get() == 4);
        CHECK(kept.use_count() == 1);
        lazy.get() = 5;
        CHECK(lazy.get() == 5);
    });
}
