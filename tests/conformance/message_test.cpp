// SPDX-License-Identifier: BSL-1.0
// Flags, sizes and kinds of data that make a transfer unlike the usual one.
#include "conformance/harness.hpp"

#include <csignal>

#include <fcntl.h>

using namespace coir_conformance;

TEST_CASE("what was peeked at is still there to be received, at once") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        char buffer[16];
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        REQUIRE(::send(b.get(), "x", 1, 0) == 1);
        CHECK(harness.finish(waiting) == 1);
        for (int i = 0; i < 3; ++i) {
            Tracked peek = receive(a.get(), buffer, sizeof buffer, hints);
            peek.flags = MSG_PEEK;
            harness.start(peek);
            REQUIRE(::send(b.get(), "data", 4, 0) == 4);
            CHECK(harness.finish(peek) == 4);
            Tracked recv = receive(a.get(), buffer, sizeof buffer, hints);
            CHECK(harness.run(recv) == 4);
        }
    }
}

TEST_CASE("what lies behind an urgent byte is received without further ado") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.tcp_pair();
        char buffer[16];
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        harness.turn();
        REQUIRE(::send(b.get(), "abc", 3, 0) == 3);
        REQUIRE(::send(b.get(), "!", 1, MSG_OOB) == 1);
        REQUIRE(::send(b.get(), "def", 3, 0) == 3);
        REQUIRE(harness.finish(waiting) == 3);
        Tracked rest = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(rest) == 3);
    }
}

TEST_CASE("who asks not to wait is told EAGAIN, also where the end of the data is known") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        char buffer[16];
        for (int round = 0; round < 3; ++round) {
            Tracked none = receive(a.get(), buffer, sizeof buffer, hints);
            none.flags = MSG_DONTWAIT;
            CHECK(harness.run(none) == -EAGAIN);
            REQUIRE(::send(b.get(), "x", 1, 0) == 1);
            Tracked some = receive(a.get(), buffer, sizeof buffer, hints);
            some.flags = MSG_DONTWAIT;
            CHECK(harness.run(some) == 1);
        }
        // It left nothing behind: what waits is served.
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        REQUIRE(::send(b.get(), "x", 1, 0) == 1);
        CHECK(harness.finish(waiting) == 1);
    }
}

TEST_CASE("B72: no bytes: nothing is sent, nothing received, and nothing forgotten") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        Tracked nothing = transmit(a.get(), "", hints);
        CHECK(harness.run(nothing) == 0);
        REQUIRE(::send(b.get(), "x", 1, 0) == 1);
        char buffer[4];
        Tracked empty = receive(a.get(), buffer, 0, hints);
        CHECK(harness.run(empty) == 0);
        Tracked recv = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(recv) == 1);
    }
}

TEST_CASE("datagrams keep their borders, the empty one too") {
    for (std::uint8_t hints : {std::uint8_t{coir::hint_none}, std::uint8_t{coir::hint_owned}}) {
        Harness harness;
        auto [a, b] = harness.pair(SOCK_DGRAM);
        char buffer[16];
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        for (const char* text : {"one", "", "three"}) {
            Tracked send = transmit(b.get(), text, hints);
            CHECK(harness.run(send) == static_cast<int>(std::strlen(text)));
        }
        CHECK(harness.finish(waiting) == 3);
        Tracked empty = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(empty) == 0);
        Tracked third = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(third) == 5);
    }
}

TEST_CASE("B74: a reset ends a receive and a send that wait") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.tcp_pair();
        char buffer[16];
        Tracked recv = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(recv));
        const std::string block(1 << 16, 'b');
        Tracked send;
        for (int turns = 0; turns < 10'000; ++turns) {
            send = transmit(a.get(), block, hints);
            if (harness.start(send)) continue;
            for (int i = 0; i < 50 && !send.done(); ++i) harness.turn(harness.now() + 1ms);
            if (!send.done()) break;
        }
        REQUIRE_FALSE(send.done());
        reset(b);
        const int received = harness.finish(recv);
        const int sent = harness.finish(send);
        // The kernel tells the error once, to whoever asks first.
        CHECK((received == -ECONNRESET || sent == -ECONNRESET));
        CHECK((received == -ECONNRESET || received == 0));
        CHECK((sent == -ECONNRESET || sent == -EPIPE));
    }
}

TEST_CASE("a cancelled send that waits has sent nothing") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        const std::string block(1 << 16, 'b');
        std::size_t sent = 0;
        Tracked send;
        for (;;) {
            send = transmit(a.get(), block, hints);
            if (!harness.start(send)) {
                harness.settle();
                if (!send.done()) break;
            }
            REQUIRE(send.result > 0);
            sent += static_cast<std::size_t>(send.result);
        }
        harness.reactor().cancel(send);
        CHECK(harness.finish(send) == -ECANCELED);
        std::vector<char> sink(1 << 20);
        std::size_t got = 0;
        for (;;) {
            const ssize_t count = ::recv(b.get(), sink.data(), sink.size(), MSG_DONTWAIT);
            if (count <= 0) break;
            got += static_cast<std::size_t>(count);
        }
        CHECK(got == sent);
        Tracked next = transmit(a.get(), "more", hints);
        CHECK(harness.run(next) == 4);
    }
}

TEST_CASE("a write to a pipe without a reader is EPIPE, a read from one without a writer the end") {
    for (const bool later : {false, true}) {
        Harness harness;
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        Owned out(harness.reactor(), ends[0]);
        Owned in(harness.reactor(), ends[1]);
        char buffer[8] = {};
        Tracked read = Tracked::of(OpCode::read, out.get());
        read.buffer = buffer;
        read.size = sizeof buffer;
        if (later) {
            CHECK_FALSE(harness.start(read));
            harness.settle();
            in.close();
            CHECK(harness.finish(read) == 0);
        } else {
            out.close();
            struct sigaction before {};
            struct sigaction ignore {};
            ignore.sa_handler = SIG_IGN;
            ::sigaction(SIGPIPE, &ignore, &before);
            Tracked write = Tracked::of(OpCode::write, in.get());
            write.buffer = buffer;
            write.size = 1;
            CHECK(harness.run(write) == -EPIPE);
            ::sigaction(SIGPIPE, &before, nullptr);
        }
    }
}

TEST_CASE("a file that is not in memory is read by a thread: nobody spins for the disk") {
    Harness harness;
    char name[] = "/var/tmp/coir-test-XXXXXX";
    Owned file(harness.reactor(), ::mkostemp(name, O_CLOEXEC));
    ::unlink(name);
    const std::string block(1 << 20, 'f');
    REQUIRE(::write(file.get(), block.data(), block.size()) == 1 << 20);
    ::fsync(file.get());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    std::vector<char> buffer(1 << 16);
    for (std::uint64_t at = 0; at < block.size(); at += buffer.size()) {
        Tracked read = Tracked::of(OpCode::read, file.get());
        read.buffer = buffer.data();
        read.size = buffer.size();
        read.offset = at;
        const int result = harness.run(read);
        const bool for_a_thread = read.route == coir::Route::pool && result == -EAGAIN;
        CHECK((result > 0 || for_a_thread));
    }
}
