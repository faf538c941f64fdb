// SPDX-License-Identifier: BSL-1.0
// A loop inside a foreign main loop, by fd(), next_timeout() and run_once(no_wait): rule 360.
#include "support/catch.hpp"
#include "support/embedding.hpp"
#include "support/own_reactor.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <functional>
#include <thread>

#include <sys/epoll.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

// A main loop of somebody else's, on epoll. It knows of coir nothing but this.
class ForeignLoop {
public:
    explicit ForeignLoop(coir::EventLoop& loop) : loop_(loop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        epoll_event event{};
        event.events = EPOLLIN;
        REQUIRE(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, loop.fd(), &event) == 0);
    }
    // Whether fd() says that a turn is due.
    bool readable(int milliseconds = 0) {
        epoll_event event;
        return ::epoll_wait(epoll_.get(), &event, 1, milliseconds) == 1;
    }
    void turn() {
        int milliseconds = 2000;  // longer than anything here takes: then something was missed
        if (const auto timeout = loop_.next_timeout()) {
            milliseconds = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*timeout).count());
        }
        const auto before = std::chrono::steady_clock::now();
        const bool due = readable(milliseconds);
        if (!due && std::chrono::steady_clock::now() - before > 1500ms) ++missed_;
        loop_.run_once(coir::RunMode::no_wait);
        ++turns_;
    }
    void until(const std::function<bool()>& done) {
        while (!done() && missed_ == 0 && turns_ < 100'000) turn();
    }
    int missed() const { return missed_; }
    int turns() const { return turns_; }

private:
    coir::EventLoop& loop_;
    coir::Fd epoll_;
    int missed_ = 0;
    int turns_ = 0;
};

#define COIR_REQUIRE_EMBEDDABLE(loop) \
    if ((loop).fd() < 0) COIR_SKIP(coir_test::reactor() + " cannot be embedded")

}  // namespace

TEST_CASE("rule 360: a whole program in a foreign epoll loop", "[embedding]") {
    coir_test::FdCount fds;
    coir::EventLoop loop(coir_test::options());
    COIR_REQUIRE_EMBEDDABLE(loop);
    ForeignLoop foreign(loop);
    const std::string done = coir_test::embedded_program(
        loop, [&](const std::function<bool()>& is_done) { foreign.until(is_done); });
    CHECK(done == "echo sleep thread post reader cancel closed ");
    CHECK(foreign.missed() == 0);
    CHECK(foreign.turns() < 5000);  // nothing spins
}

TEST_CASE("rule 360: fd() is readable if and only if a turn is due", "[embedding]") {
    coir::EventLoop loop(coir_test::options());
    COIR_REQUIRE_EMBEDDABLE(loop);
    ForeignLoop foreign(loop);
    const auto settle = [&] {
        for (int i = 0; i < 100; ++i) {
            const auto timeout = loop.next_timeout();
            if (!foreign.readable() && !(timeout && *timeout == 0ns)) break;
            loop.run_once(coir::RunMode::no_wait);
        }
    };
    settle();
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const coir::Fd reading(ends[0]);
    const coir::Fd writing(ends[1]);
    int calls = 0;
    loop.add_reader(reading.get(), [&] {
        ++calls;
        char c;
        CHECK(::read(reading.get(), &c, 1) == 1);
    });
    for (int round = 1; round <= 5; ++round) {
        settle();
        CHECK_FALSE(foreign.readable(5));
        CHECK_FALSE(loop.next_timeout().has_value());
        REQUIRE(::write(writing.get(), "x", 1) == 1);
        CHECK(foreign.readable(2000));
        settle();
        CHECK(calls == round);
    }
    CHECK(loop.remove_reader(reading.get()));
    settle();
    CHECK_FALSE(foreign.readable(5));
}

TEST_CASE("rule 360: work that the foreign loop brings is seen before it sleeps", "[embedding]") {
    coir::EventLoop loop(coir_test::options());
    COIR_REQUIRE_EMBEDDABLE(loop);
    ForeignLoop foreign(loop);
    int ran = 0;
    // None of these comes from inside a turn.
    loop.call_soon([&] { ++ran; });
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(0s));
    foreign.until([&] { return ran == 1; });
    loop.call_later(3ms, [&] { ++ran; });
    CHECK(loop.next_timeout() <= std::optional<coir::Nanoseconds>(3ms));
    foreign.until([&] { return ran == 2; });
    auto future = loop.create_future<int>();
    auto task = loop.create_task([&] { ran += coir::await(future); });
    foreign.turn();
    CHECK_FALSE(task.done());
    future.set_result(5);
    foreign.until([&] { return task.done(); });
    CHECK(ran == 7);
    auto cancelled = loop.create_task([] { coir::sleep(1h); });
    foreign.turn();
    cancelled.cancel();
    foreign.until([&] { return cancelled.done(); });
    CHECK(cancelled.cancelled());
    const auto idle = loop.add_idle_hook([&] { ++ran; });
    CHECK(loop.next_timeout() == std::optional<coir::Nanoseconds>(0s));
    foreign.until([&] { return ran > 50; });
    CHECK(loop.remove_hook(idle));
    CHECK(foreign.missed() == 0);
}

TEST_CASE("rule 345, 360: posts from threads reach an embedded loop, and coalesce", "[embedding]") {
    coir::EventLoop loop(coir_test::options());
    COIR_REQUIRE_EMBEDDABLE(loop);
    ForeignLoop foreign(loop);
    int ran = 0;
    std::thread poster([&] {
        for (int i = 0; i < 500; ++i) {
            loop.call_soon_threadsafe([&] { ++ran; });
            if (i % 50 == 0) std::this_thread::sleep_for(1ms);
        }
    });
    foreign.until([&] { return ran == 500; });
    poster.join();
    CHECK(ran == 500);
    CHECK(foreign.missed() == 0);
    CHECK(foreign.turns() <= 1001);
}
