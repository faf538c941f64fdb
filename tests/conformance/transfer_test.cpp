// SPDX-License-Identifier: BSL-1.0
// What operations give, on every reactor the same.
#include "conformance/harness.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

using namespace coir_conformance;

TEST_CASE("a receive that has data completes with it; one without waits for it") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        REQUIRE(::send(b.get(), "early", 5, 0) == 5);
        char buffer[64] = {};
        Tracked first = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(first) == 5);
        CHECK(std::string_view(buffer, 5) == "early");

        Tracked second = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(second));
        harness.settle();
        CHECK_FALSE(second.done());
        REQUIRE(::send(b.get(), "late", 4, 0) == 4);
        CHECK(harness.finish(second) == 4);
        CHECK(std::string_view(buffer, 4) == "late");
    }
}

TEST_CASE("a receive that may be left to whoever waits is done, or there is something to receive") {
    for (const std::uint8_t kind : {coir::hint_stream, coir::hint_unix_stream}) {
        Harness harness;
        auto [a, b] = harness.pair();
        for (int i = 0; i < 20; ++i) {
            const std::string sent = "message " + std::to_string(i);
            char buffer[64] = {};
            Tracked waiting = receive(a.get(), buffer, sizeof buffer,
                                      coir::hint_owned | coir::hint_receives_itself | kind);
            REQUIRE_FALSE(harness.start(waiting));
            harness.settle();
            CHECK_FALSE(waiting.done());
            REQUIRE(::send(b.get(), sent.data(), sent.size(), 0) == static_cast<int>(sent.size()));
            std::int32_t result = harness.finish(waiting);
            if (result == -EAGAIN) result = harness.reactor().receive_now(waiting);
            REQUIRE(result == static_cast<int>(sent.size()));
            CHECK(std::string_view(buffer, sent.size()) == sent);
            if (i % 2 == 0) continue;
            // Nothing is there now, and that is known without looking or by it.
            CHECK(harness.reactor().receive_now(waiting) == -EAGAIN);
        }
    }
}

TEST_CASE("a thousand messages arrive in order, however they are cut") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        std::string sent, got;
        for (int i = 0; i < 1000; ++i) {
            const std::string message = "message " + std::to_string(i) + ";";
            Tracked send = transmit(b.get(), message, hints);
            REQUIRE(harness.run(send) == static_cast<int>(message.size()));
            sent += message;
            char buffer[7];  // smaller than a message: what is left must not be forgotten
            while (got.size() < sent.size()) {
                Tracked recv = receive(a.get(), buffer, sizeof buffer, hints);
                const int count = harness.run(recv);
                REQUIRE(count > 0);
                got.append(buffer, static_cast<std::size_t>(count));
            }
        }
        CHECK(got == sent);
    }
}

TEST_CASE("the end of a stream is 0, again and again; after a reset it is ECONNRESET or 0") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        char buffer[16];
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        b.close();
        CHECK(harness.finish(waiting) == 0);
        for (int i = 0; i < 3; ++i) {
            Tracked again = receive(a.get(), buffer, sizeof buffer, hints);
            CHECK(harness.run(again) == 0);
        }
        Tracked send = transmit(a.get(), "x", hints);
        CHECK(harness.run(send) == -EPIPE);  // and no SIGPIPE
    }
}

TEST_CASE("data and the end that come together are both seen") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        char buffer[64];
        Tracked waiting = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK_FALSE(harness.start(waiting));
        REQUIRE(::send(b.get(), "last words", 10, 0) == 10);
        b.close();
        CHECK(harness.finish(waiting) == 10);
        Tracked end = receive(a.get(), buffer, sizeof buffer, hints);
        CHECK(harness.run(end) == 0);
    }
}

TEST_CASE("what is sent at once arrives once, in order, and behind whoever waits nothing is") {
    Harness harness;
    auto [a, b] = harness.pair();
    constexpr std::uint8_t hints = coir::hint_owned | coir::hint_unix_stream;
    Tracked first = transmit(a.get(), "0;", hints);  // from now on the reactor knows the descriptor
    REQUIRE(harness.run(first) == 2);
    std::string expected = "0;", got;
    std::uint64_t number = 0;
    std::int32_t result = 0;
    std::string rest;
    for (; expected.size() < (64u << 20); expected += rest) {
        rest = std::to_string(++number) + std::string(5000, ';');
        result = harness.reactor().send_now(a.get(), rest.data(), rest.size());
        if (result < static_cast<std::int32_t>(rest.size())) break;
    }
    REQUIRE(result >= -EAGAIN);
    REQUIRE((result > 0 || result == -EAGAIN));
    expected += rest;
    if (result > 0) rest.erase(0, static_cast<std::size_t>(result));
    Tracked waiting = transmit(a.get(), rest, hints);
    const bool at_once = harness.start(waiting);
    if (!at_once) CHECK(harness.reactor().send_now(a.get(), "x", 1) == -EAGAIN);
    while (got.size() < expected.size()) {
        char buffer[65536];
        Tracked recv = receive(b.get(), buffer, sizeof buffer, hints);
        const std::int32_t count = harness.run(recv);
        REQUIRE(count > 0);
        got.append(buffer, static_cast<std::size_t>(count));
        if (waiting.done()) {
            rest.erase(0, static_cast<std::size_t>(waiting.result));
            if (rest.empty()) continue;
            waiting = transmit(a.get(), rest, hints);
            harness.start(waiting);
        }
    }
    CHECK(got == expected);
}

TEST_CASE("a send to a full socket waits until there is room") {
    for (std::uint8_t hints : all_hints()) {
        Harness harness;
        auto [a, b] = harness.pair();
        const std::string block(65536, 'b');
        std::size_t sent = 0;
        Tracked send = transmit(a.get(), block, hints);
        for (;;) {
            send = transmit(a.get(), block, hints);
            if (!harness.start(send)) {
                harness.settle();
                if (!send.done()) break;
            }
            REQUIRE(send.result > 0);
            sent += static_cast<std::size_t>(send.result);
            REQUIRE(sent < (64u << 20));
        }
        std::vector<char> sink(1 << 20);
        std::size_t got = 0;
        while (got < sent) {
            const ssize_t count = ::recv(b.get(), sink.data(), sink.size(), MSG_DONTWAIT);
            REQUIRE(count > 0);
            got += static_cast<std::size_t>(count);
        }
        CHECK(harness.finish(send) > 0);
    }
}

TEST_CASE("pipes, eventfds and positions: read and write") {
    Harness harness;
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Owned out(harness.reactor(), ends[0]);
    Owned in(harness.reactor(), ends[1]);
    char buffer[16] = {};
    Tracked read = Tracked::of(OpCode::read, out.get());
    read.buffer = buffer;
    read.size = sizeof buffer;
    CHECK_FALSE(harness.start(read));
    Tracked write = Tracked::of(OpCode::write, in.get());
    write.buffer = const_cast<char*>("pipe");
    write.size = 4;
    CHECK(harness.run(write) == 4);
    CHECK(harness.finish(read) == 4);
    CHECK((::fcntl(out.get(), F_GETFL) & O_NONBLOCK) == 0);

    Owned counter(harness.reactor(), ::eventfd(0, EFD_CLOEXEC));
    std::uint64_t value = 0;
    Tracked count = Tracked::of(OpCode::read, counter.get());
    count.buffer = &value;
    count.size = sizeof value;
    CHECK_FALSE(harness.start(count));
    const std::uint64_t seven = 7;
    REQUIRE(::write(counter.get(), &seven, sizeof seven) == sizeof seven);
    CHECK(harness.finish(count) == sizeof value);
    CHECK(value == 7);
}

TEST_CASE("connect and accept on loopback, with the peer's address") {
    Harness harness;
    Owned listener(harness.reactor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);

    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    Tracked accept = Tracked::of(OpCode::accept, listener.get());
    accept.hints = coir::hint_owned;
    accept.address = reinterpret_cast<sockaddr*>(&peer);
    accept.address_size = &peer_size;
    CHECK_FALSE(harness.start(accept));

    Owned client(harness.reactor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Tracked connect = Tracked::of(OpCode::connect, client.get());
    connect.address = reinterpret_cast<sockaddr*>(&address);
    connect.address_length = sizeof address;
    CHECK(harness.run(connect) == 0);
    const int fd = harness.finish(accept);
    REQUIRE(fd >= 0);
    Owned server(harness.reactor(), fd);
    CHECK(peer.sin_family == AF_INET);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(client.get(), F_GETFL) & O_NONBLOCK) == 0);

    Owned other(harness.reactor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    listener.close();
    Tracked refused = Tracked::of(OpCode::connect, other.get());
    refused.address = reinterpret_cast<sockaddr*>(&address);
    refused.address_length = sizeof address;
    CHECK(harness.run(refused) == -ECONNREFUSED);
}

TEST_CASE("a message carries several pieces, and a descriptor") {
    Harness harness;
    auto [a, b] = harness.pair();
    iovec pieces[2] = {{const_cast<char*>("two "), 4}, {const_cast<char*>("pieces"), 6}};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = b.get();
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    Tracked send = Tracked::of(OpCode::sendmsg, b.get());
    send.buffer = &message;
    CHECK(harness.run(send) == 10);

    char buffer[32];
    iovec into{buffer, sizeof buffer};
    alignas(cmsghdr) char back[CMSG_SPACE(sizeof(int))] = {};
    msghdr received{};
    received.msg_iov = &into;
    received.msg_iovlen = 1;
    received.msg_control = back;
    received.msg_controllen = sizeof back;
    Tracked recv = Tracked::of(OpCode::recvmsg, a.get());
    recv.buffer = &received;
    recv.flags = MSG_CMSG_CLOEXEC;
    CHECK(harness.run(recv) == 10);
    CHECK(std::string_view(buffer, 10) == "two pieces");
    cmsghdr* got = CMSG_FIRSTHDR(&received);
    REQUIRE(got != nullptr);
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(got), sizeof fd);
    CHECK(fd >= 0);
    ::close(fd);
}

TEST_CASE("B61: a descriptor in O_NONBLOCK mode waits all the same") {
    Harness harness;
    auto [a, b] = harness.pair();
    REQUIRE(::fcntl(a.get(), F_SETFL, O_NONBLOCK) == 0);
    char buffer[8];
    Tracked waiting = receive(a.get(), buffer, sizeof buffer);
    CHECK_FALSE(harness.start(waiting));
    harness.settle();
    CHECK_FALSE(waiting.done());
    REQUIRE(::send(b.get(), "now", 3, 0) == 3);
    CHECK(harness.finish(waiting) == 3);
}

TEST_CASE("bad descriptors are EBADF, wrong kinds ENOTSOCK") {
    Harness harness;
    char buffer[8];
    Tracked negative = receive(-1, buffer, sizeof buffer);
    CHECK(harness.run(negative) == -EBADF);
    const int closed = ::dup(0);
    ::close(closed);
    Tracked gone = receive(closed, buffer, sizeof buffer);
    CHECK(harness.run(gone) == -EBADF);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Owned out(harness.reactor(), ends[0]);
    Owned in(harness.reactor(), ends[1]);
    Tracked pipe = receive(out.get(), buffer, sizeof buffer);
    CHECK(harness.run(pipe) == -ENOTSOCK);
}

TEST_CASE("poll reports what is there, for many waiters on one descriptor") {
    Harness harness;
    auto [a, b] = harness.pair();
    Tracked writable = readiness(a.get(), POLLOUT);
    CHECK((harness.run(writable) & POLLOUT) != 0);
    std::deque<Tracked> readers;
    for (int i = 0; i < 5; ++i) {
        readers.push_back(readiness(a.get(), POLLIN));
        CHECK_FALSE(harness.start(readers.back()));
    }
    REQUIRE(::send(b.get(), "x", 1, 0) == 1);
    for (Tracked& reader : readers) CHECK((harness.finish(reader) & POLLIN) != 0);
    b.close();
    Tracked hung_up = readiness(a.get(), POLLIN);
    CHECK((harness.run(hung_up) & POLLHUP) != 0);
}

TEST_CASE("a buffer that is too small for an eventfd is refused at once, not when there is something") {
    Harness harness;
    Owned events(harness.reactor(), ::eventfd(0, EFD_CLOEXEC));
    char buffer[4];
    Tracked read = Tracked::of(OpCode::read, events.get());
    read.buffer = buffer;
    read.size = sizeof buffer;
    CHECK(harness.run(read) == -EINVAL);
}
