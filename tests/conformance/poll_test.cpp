// SPDX-License-Identifier: BSL-1.0
// OpCode::poll: what poll(2) says, whatever the reactor waits with.
#include "conformance/harness.hpp"

#include <fcntl.h>
#include <sys/resource.h>

using namespace coir_conformance;

namespace {

void fill_up(int fd) {
    static char block[1 << 16];
    for (int idle = 0; idle < 20;) {
        if (::send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
            idle = 0;
        } else {
            ++idle;
            ::usleep(2'000);
        }
    }
}

}  // namespace

TEST_CASE("a poll for nothing waits for a hang-up or an error, whatever else happens") {
    Harness harness;
    auto [a, b] = harness.pair();
    Tracked nothing = readiness(a.get(), 0);
    CHECK_FALSE(harness.start(nothing));
    Tracked readable = readiness(a.get(), POLLIN);
    CHECK_FALSE(harness.start(readable));
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    CHECK((harness.finish(readable) & POLLIN) != 0);
    harness.settle();
    CHECK_FALSE(nothing.done());
    char buffer[4];
    Tracked recv = receive(a.get(), buffer, sizeof buffer);
    CHECK(harness.run(recv) == 1);
    harness.settle();
    CHECK_FALSE(nothing.done());
    b.close();
    CHECK(harness.finish(nothing) == POLLHUP);
}

TEST_CASE("a poll for nothing is cancelled, and sees a reset") {
    Harness harness;
    auto [a, b] = harness.tcp_pair();
    Tracked cancelled = readiness(a.get(), 0);
    CHECK_FALSE(harness.start(cancelled));
    harness.settle();
    harness.reactor().cancel(cancelled);
    CHECK(harness.finish(cancelled) == -ECANCELED);
    Tracked nothing = readiness(a.get(), 0);
    CHECK_FALSE(harness.start(nothing));
    harness.settle();
    reset(b);
    const int events = harness.finish(nothing);
    CHECK((events & (POLLERR | POLLHUP)) != 0);
    CHECK((events & ~(POLLERR | POLLHUP)) == 0);
}

TEST_CASE("a poll does not report a half close that it was not asked about") {
    Harness harness;
    auto [a, b] = harness.tcp_pair();
    fill_up(a.get());
    REQUIRE(::shutdown(b.get(), SHUT_WR) == 0);
    Tracked writable = readiness(a.get(), POLLOUT);
    CHECK_FALSE(harness.start(writable));
    Tracked nothing = readiness(a.get(), 0);
    CHECK_FALSE(harness.start(nothing));
    Tracked half_closed = readiness(a.get(), POLLRDHUP);
    CHECK(harness.run(half_closed) == POLLRDHUP);
    Tracked end = readiness(a.get(), POLLIN);
    CHECK(harness.run(end) == POLLIN);

    coir::ReactorCounters before, after;
    harness.reactor().counters(before);
    if (!coir_test::is_virtual_time()) {  // whose deadlines come at once
        const auto until = harness.now() + 50ms;
        while (harness.now() < until) harness.turn(until);
    }
    harness.reactor().counters(after);
    CHECK_FALSE(writable.done());
    CHECK_FALSE(nothing.done());
    CHECK(after.waits - before.waits < 100);

    static char sink[1 << 16];
    for (int i = 0; i < 2000 && !writable.done(); ++i) {
        static_cast<void>(::recv(b.get(), sink, sizeof sink, MSG_DONTWAIT));
        harness.turn(harness.now() + 1ms);
    }
    CHECK(harness.finish(writable) == POLLOUT);
    reset(b);
    CHECK((harness.finish(nothing) & POLLHUP) != 0);
}

TEST_CASE("B67: a regular file is always ready") {
    Harness harness;
    Owned file(harness.reactor(), ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    Tracked readable = readiness(file.get(), POLLIN);
    CHECK(harness.run(readable) == POLLIN);
    Tracked both = readiness(file.get(), POLLIN | POLLOUT);
    CHECK(harness.run(both) == (POLLIN | POLLOUT));
    // Handed over without being tried first, as a select() of many descriptors does.
    Tracked submitted = readiness(file.get(), POLLIN);
    harness.reactor().submit(submitted);
    CHECK(harness.finish(submitted) == POLLIN);
}

TEST_CASE("a poll that was not tried first is answered with what is true already") {
    Harness harness;
    auto [a, b] = harness.pair();
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    Tracked submitted = readiness(a.get(), POLLIN);
    harness.reactor().submit(submitted);
    CHECK(harness.finish(submitted) == POLLIN);
}

TEST_CASE("B67: poll of what is no open descriptor is EBADF or POLLNVAL, however large the number") {
    Harness harness;
    const int closed = ::dup(0);
    ::close(closed);
    for (const int fd : {closed, -1, 100'000'000, INT32_MAX}) {
        for (const bool tried_first : {true, false}) {
            INFO("descriptor " << fd);
            Tracked poll = readiness(fd, POLLIN);
            int result;
            if (tried_first) {
                result = harness.run(poll);
            } else {
                harness.reactor().submit(poll);
                result = harness.finish(poll);
            }
            CHECK((result == -EBADF || result == POLLNVAL));
        }
    }
}

TEST_CASE("thousands of descriptors are waited for at once") {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t pairs = std::min<rlim_t>(limit.rlim_cur / 2 - 50, 4'500);
    const bool has_limits = coir_test::reactor() == "select";  // FD_SETSIZE
    Harness harness;
    std::vector<std::pair<Owned, Owned>> all;
    for (rlim_t i = 0; i < (has_limits ? 400 : pairs); ++i) all.push_back(harness.pair());
    std::deque<Tracked> polls;
    for (auto& [a, b] : all) {
        polls.push_back(readiness(a.get(), POLLIN));
        CHECK_FALSE(harness.start(polls.back()));
    }
    harness.settle();
    for (auto& [a, b] : all) REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    for (Tracked& poll : polls) CHECK(harness.finish(poll) == POLLIN);
}

TEST_CASE("B51, S8: an old file does not answer for a new one under its number") {
    Harness harness;
    for (int round = 0; round < 10; ++round) {
        int old[2], fresh[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, old) == 0);
        // Waited for, given up, and closed without a word; but a duplicate keeps the file alive.
        Tracked given_up = readiness(old[0], POLLIN);
        CHECK_FALSE(harness.start(given_up));
        harness.turn();
        harness.reactor().cancel(given_up);
        CHECK(harness.finish(given_up) == -ECANCELED);
        const int duplicate = ::dup(old[0]);
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fresh) == 0);
        REQUIRE(::dup2(fresh[0], old[0]) == old[0]);
        Tracked poll = readiness(old[0], POLLIN);
        CHECK_FALSE(harness.start(poll));
        REQUIRE(::send(old[1], "old", 3, 0) == 3);
        harness.settle();
        CHECK_FALSE(poll.done());
        REQUIRE(::send(fresh[1], "new", 3, 0) == 3);
        CHECK(harness.finish(poll) == POLLIN);
        for (const int fd : {old[0], old[1], fresh[0], fresh[1], duplicate}) ::close(fd);
    }
}

TEST_CASE("a descriptor that is closed after a cancelled wait disturbs nobody") {
    Harness harness;
    auto [a, b] = harness.pair();
    Tracked other = readiness(a.get(), POLLIN);
    CHECK_FALSE(harness.start(other));
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Tracked given_up = readiness(ends[0], POLLIN);
    CHECK_FALSE(harness.start(given_up));
    harness.turn();
    harness.reactor().cancel(given_up);
    ::close(ends[0]);  // without a word: it was never coir's
    ::close(ends[1]);
    CHECK(harness.finish(given_up) == -ECANCELED);
    harness.settle();
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    CHECK(harness.finish(other) == POLLIN);
}

TEST_CASE("who polls a descriptor goes on when coir begins to use it as its own") {
    Harness harness;
    auto [a, b] = harness.pair();
    Tracked poll = readiness(a.get(), POLLIN);
    CHECK_FALSE(harness.start(poll));
    harness.turn();
    char buffer[8];
    Tracked recv = receive(a.get(), buffer, sizeof buffer, coir::hint_owned | coir::hint_stream);
    CHECK_FALSE(harness.start(recv));
    harness.settle();
    CHECK_FALSE(poll.done());
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    CHECK(harness.finish(poll) == POLLIN);
    CHECK(harness.finish(recv) == 1);
}
