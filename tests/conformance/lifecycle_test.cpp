// SPDX-License-Identifier: BSL-1.0
// Cancelling, closing, waking, waiting: on every reactor the same.
#include "conformance/harness.hpp"

#include <csignal>
#include <random>
#include <thread>

using namespace coir_conformance;

TEST_CASE("a cancelled operation completes once, with ECANCELED, and takes no data") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        char buffer[8] = {};
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        harness.turn();
        harness.reactor().cancel(waiting);
        CHECK(harness.finish(waiting) == -ECANCELED);
        REQUIRE(::send(b.get(), "kept", 4, 0) == 4);
        Tracked next = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(next) == 4);
    }
}

TEST_CASE("B42: cancel against completion: every byte is delivered exactly once") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        std::mt19937 random(7);
        std::size_t sent = 0, got = 0, cancelled = 0;
        for (int round = 0; round < 3000; ++round) {
            char buffer[4];
            Tracked recv = receive(a.get(), buffer, sizeof buffer, hints);
            const bool at_once = harness.start(recv);
            const unsigned dice = static_cast<unsigned>(random() % 4);
            if (dice & 1) {
                REQUIRE(::send(b.get(), "z", 1, 0) == 1);
                ++sent;
            }
            if (dice & 2) harness.turn();
            if (!at_once && !recv.done()) harness.reactor().cancel(recv);
            if (!at_once) harness.finish(recv);
            if (recv.result == -ECANCELED) {
                ++cancelled;
            } else {
                REQUIRE(recv.result > 0);
                got += static_cast<std::size_t>(recv.result);
            }
        }
        while (got < sent) {
            char buffer[64];
            Tracked rest = receive(a.get(), buffer, sizeof buffer, hints);
            const int count = harness.run(rest);
            REQUIRE(count > 0);
            got += static_cast<std::size_t>(count);
        }
        CHECK(got == sent);
        CHECK(cancelled > 100);
    }
}

TEST_CASE("closing ends what waits on the descriptor, and the number can be used again at once") {
    Harness harness;
    for (int round = 0; round < 50; ++round) {
        auto [a, b] = harness.pair();
        char buffer[8];
        Tracked reader = receive(a.get(), buffer, sizeof buffer, coir::hint_owned | coir::hint_stream);
        Tracked poller = readiness(a.get(), POLLIN);
        CHECK_FALSE(harness.start(reader));
        CHECK_FALSE(harness.start(poller));
        if (round % 2 == 0) harness.turn();
        a.close();
        CHECK(harness.finish(reader) == -ECANCELED);
        CHECK(harness.finish(poller) == -ECANCELED);

        // The same number, another socket: nothing of the old one may reach it.
        auto [c, d] = harness.pair();
        Tracked fresh = receive(c.get(), buffer, sizeof buffer, coir::hint_owned | coir::hint_stream);
        CHECK_FALSE(harness.start(fresh));
        harness.settle();
        CHECK_FALSE(fresh.done());
        REQUIRE(::send(d.get(), "new", 3, 0) == 3);
        CHECK(harness.finish(fresh) == 3);
    }
}

TEST_CASE("B64, S8: a descriptor that is closed within the batch that reports it") {
    Harness harness;
    auto [a, b] = harness.pair();
    auto [c, d] = harness.pair();
    struct Closing : Tracked {
        Owned* other = nullptr;
    };
    char buffer[8];
    Tracked first = receive(a.get(), buffer, sizeof buffer, coir::hint_owned | coir::hint_stream);
    char other_buffer[8];
    Tracked second =
        receive(c.get(), other_buffer, sizeof other_buffer, coir::hint_owned | coir::hint_stream);
    CHECK_FALSE(harness.start(first));
    CHECK_FALSE(harness.start(second));
    REQUIRE(::send(b.get(), "1", 1, 0) == 1);
    REQUIRE(::send(d.get(), "2", 1, 0) == 1);
    harness.turn(harness.now() + 100ms);
    c.close();
    harness.settle();
    CHECK(harness.finish(first) == 1);
    // Its data had come before the close, or the close was first: one of the two, once.
    const int result = harness.finish(second);
    CHECK((result == 1 || result == -ECANCELED));
}

TEST_CASE("B64: a foreign descriptor that is closed behind the reactor's back does not confuse the next") {
    Harness harness;
    char buffer[8];
    for (int round = 0; round < 20; ++round) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        Tracked recv = receive(ends[0], buffer, sizeof buffer);
        CHECK(harness.run(recv) == 1);
        Tracked waiting = receive(ends[0], buffer, sizeof buffer);
        CHECK_FALSE(harness.start(waiting));
        REQUIRE(::send(ends[1], "y", 1, 0) == 1);
        CHECK(harness.finish(waiting) == 1);
        ::close(ends[0]);  // without a word
        ::close(ends[1]);
    }
}

TEST_CASE("wake() ends a wait, from another thread and before it begins; many count as one") {
    if (coir_test::is_virtual_time()) return;  // its waits do not last
    Harness harness;
    harness.reactor().wake();
    harness.reactor().wake();
    const auto begin = harness.now();
    CHECK(harness.turn(begin + 5s).woken);
    std::thread other([&] {
        std::this_thread::sleep_for(20ms);
        for (int i = 0; i < 100; ++i) harness.reactor().wake();
    });
    harness.turn(begin + 10s);
    other.join();
    CHECK(harness.now() - begin < 4s);
    harness.settle();  // whatever is left of the hundred
    const auto quiet = harness.now();
    harness.turn(quiet + 20ms);
    CHECK(harness.now() - quiet >= 19ms);
}

TEST_CASE("a wait ends at its deadline, never before it, and at once for a past one") {
    Harness harness;
    harness.settle();
    for (auto wait : {999'999ns, 1'000'000ns, 5'300'000ns}) {
        const auto begin = harness.now();
        int waits = 0;
        while (harness.now() < begin + wait && waits < 20) {
            harness.turn(begin + wait);
            ++waits;
        }
        CHECK(harness.now() - begin >= wait);
        CHECK(waits <= 2);  // B34: no spinning through rounded-down timeouts
    }
    const auto begin = harness.now();
    for (int i = 0; i < 100; ++i) harness.turn(coir::TimePoint::min());
    CHECK(harness.now() - begin < 1s);
}

TEST_CASE("B68: signals during waits are survived") {
    if (coir_test::is_virtual_time()) return;
    Harness harness;
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &ignore, &before);
    const pthread_t self = ::pthread_self();
    std::thread storm([self] {
        for (int i = 0; i < 50; ++i) {
            ::pthread_kill(self, SIGUSR1);
            std::this_thread::sleep_for(1ms);
        }
    });
    auto [a, b] = harness.pair();
    char buffer[8];
    Tracked recv = receive(a.get(), buffer, sizeof buffer);
    harness.start(recv);
    const auto begin = harness.now();
    while (harness.now() - begin < 40ms) harness.turn(begin + 60ms);
    CHECK_FALSE(recv.done());
    storm.join();
    REQUIRE(::send(b.get(), "ok", 2, 0) == 2);
    CHECK(harness.finish(recv) == 2);
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("B52, B53: ten thousand operations at once all complete") {
    Harness harness;
    auto [a, b] = harness.pair();
    std::deque<Tracked> all;
    int at_once = 0;
    for (int i = 0; i < 10'000; ++i) {
        all.push_back(readiness(a.get(), POLLIN));
        if (harness.start(all.back())) ++at_once;
    }
    CHECK(at_once == 0);
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    for (int i = 0; i < 1000 && !all.back().done(); ++i) harness.turn(harness.now() + 1ms);
    int done = 0;
    for (Tracked& one : all) done += harness.finish(one) > 0;
    CHECK(done == 10'000);
}

namespace {
struct Source : coir::MultiOperation {
    std::vector<coir::MultiEvent> events;
    Source() {
        event = [](coir::MultiOperation& self, const coir::MultiEvent& one) noexcept {
            static_cast<Source&>(self).events.push_back(one);
        };
    }
};
}  // namespace

TEST_CASE("B56: multi-operations: many events, the last says so, and only where they are supported") {
    Harness harness;
    auto [a, b] = harness.pair();
    Source source;
    source.code = OpCode::recv;
    source.fd = a.get();
    if (!harness.reactor().submit(source)) return;
    std::string got;
    for (int i = 0; i < 100; ++i) {
        const std::string message = std::to_string(i) + ",";
        REQUIRE(::send(b.get(), message.data(), message.size(), 0) > 0);
        const std::size_t before = source.events.size();
        for (int t = 0; t < 1000 && source.events.size() == before; ++t) {
            harness.turn(harness.now() + 1ms);
        }
        REQUIRE(source.events.size() > before);
        const coir::MultiEvent& event = source.events.back();
        REQUIRE(event.result > 0);
        got.append(static_cast<const char*>(event.buffer), static_cast<std::size_t>(event.result));
        harness.reactor().return_buffer(event.buffer_id);
    }
    CHECK(got.size() == 10 * 2 + 90 * 3);
    harness.reactor().cancel(source);
    for (int t = 0; t < 1000 && source.events.back().more; ++t) harness.turn(harness.now() + 1ms);
    CHECK_FALSE(source.events.back().more);
}
