// SPDX-License-Identifier: BSL-1.0
// Connecting and accepting: at once, later, refused, cancelled, closed.
#include "conformance/harness.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

using namespace coir_conformance;

namespace {

struct TcpListener {
    Owned fd;
    sockaddr_in address{};

    explicit TcpListener(Harness& harness)
        : fd(harness.reactor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd.get(), 16) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    }
    Tracked accepting() const {
        Tracked operation = Tracked::of(OpCode::accept, fd.get());
        operation.hints = coir::hint_owned;
        return operation;
    }
    int client() const {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto* to = reinterpret_cast<const sockaddr*>(&address);
        REQUIRE(::connect(socket, to, sizeof address) == 0);
        return socket;
    }
};

Tracked connecting(int fd, sockaddr_in& address) {
    Tracked operation = Tracked::of(OpCode::connect, fd);
    operation.address = reinterpret_cast<sockaddr*>(&address);
    operation.address_length = sizeof address;
    return operation;
}

int tcp_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// A listener in the abstract name space, bound to a name of the kernel's choice.
struct UnixListener {
    Owned fd;
    sockaddr_un address{};
    socklen_t size = sizeof(sa_family_t);

    UnixListener(Harness& harness, int backlog)
        : fd(harness.reactor(), ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address.sun_family = AF_UNIX;
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
        size = sizeof address;
        REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        REQUIRE(::listen(fd.get(), backlog) == 0);
    }
    Tracked connecting(int client) {
        Tracked operation = Tracked::of(OpCode::connect, client);
        operation.address = reinterpret_cast<sockaddr*>(&address);
        operation.address_length = size;
        return operation;
    }
};

}  // namespace

TEST_CASE("accepts that wait are served one connection each, in order") {
    Harness harness;
    TcpListener listener(harness);
    Tracked first = listener.accepting();
    Tracked second = listener.accepting();
    CHECK_FALSE(harness.start(first));
    CHECK_FALSE(harness.start(second));
    harness.settle();
    Owned one(harness.reactor(), listener.client());
    const int got = harness.finish(first);
    REQUIRE(got >= 0);
    CHECK_FALSE(second.done());
    Owned two(harness.reactor(), listener.client());
    const int other = harness.finish(second);
    REQUIRE(other >= 0);
    ::close(got);
    ::close(other);
}

TEST_CASE("B43: a cancelled accept takes no connection") {
    Harness harness;
    TcpListener listener(harness);
    Tracked accept = listener.accepting();
    CHECK_FALSE(harness.start(accept));
    harness.settle();
    harness.reactor().cancel(accept);
    CHECK(harness.finish(accept) == -ECANCELED);
    Owned client(harness.reactor(), listener.client());
    harness.settle();
    Tracked next = listener.accepting();
    const int got = harness.run(next);
    REQUIRE(got >= 0);
    ::close(got);
}

TEST_CASE("closing the listener ends what accepts") {
    Harness harness;
    TcpListener listener(harness);
    Tracked accept = listener.accepting();
    CHECK_FALSE(harness.start(accept));
    harness.settle();
    listener.fd.close();
    CHECK(harness.finish(accept) == -ECANCELED);
}

TEST_CASE("accept on a listener that was used for something else before does not block") {
    Harness harness;
    TcpListener listener(harness);
    char byte;
    Tracked recv = receive(listener.fd.get(), &byte, 1, coir::hint_owned);
    CHECK(harness.run(recv) == -ENOTCONN);
    Tracked accept = listener.accepting();
    CHECK_FALSE(harness.start(accept));
    harness.settle();
    Owned client(harness.reactor(), listener.client());
    const int got = harness.finish(accept);
    REQUIRE(got >= 0);
    ::close(got);
}

TEST_CASE("accept on what does not listen is EINVAL, on what is no socket ENOTSOCK") {
    Harness harness;
    Owned plain(harness.reactor(), tcp_socket());
    Tracked accept = Tracked::of(OpCode::accept, plain.get());
    accept.hints = coir::hint_owned;
    CHECK(harness.run(accept) == -EINVAL);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Owned out(harness.reactor(), ends[0]);
    Owned in(harness.reactor(), ends[1]);
    Tracked pipe = Tracked::of(OpCode::accept, out.get());
    pipe.hints = coir::hint_owned;
    CHECK(harness.run(pipe) == -ENOTSOCK);
}

TEST_CASE("connect to a port where nobody listens is refused, also in O_NONBLOCK mode") {
    for (const int mode : {0, O_NONBLOCK}) {
        Harness harness;
        TcpListener listener(harness);
        listener.fd.close();
        Owned client(harness.reactor(), tcp_socket());
        REQUIRE(::fcntl(client.get(), F_SETFL, mode) == 0);
        Tracked connect = connecting(client.get(), listener.address);
        CHECK(harness.run(connect) == -ECONNREFUSED);
        CHECK((::fcntl(client.get(), F_GETFL) & O_NONBLOCK) == mode);
    }
}

TEST_CASE("connect works in O_NONBLOCK mode, and the second time it is EISCONN") {
    Harness harness;
    TcpListener listener(harness);
    Owned client(harness.reactor(), tcp_socket());
    REQUIRE(::fcntl(client.get(), F_SETFL, O_NONBLOCK) == 0);
    Tracked connect = connecting(client.get(), listener.address);
    CHECK(harness.run(connect) == 0);
    Tracked again = connecting(client.get(), listener.address);
    CHECK(harness.run(again) == -EISCONN);
}

TEST_CASE("a connect that gets no answer is cancelled, and ends when its socket is closed") {
    Harness harness;
    // A full queue answers no further connection.
    TcpListener listener(harness);
    REQUIRE(::listen(listener.fd.get(), 0) == 0);
    std::vector<Owned> fillers;
    for (int i = 0; i < 4; ++i) {
        fillers.emplace_back(harness.reactor(),
                             ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        static_cast<void>(::connect(fillers.back().get(),
                                    reinterpret_cast<sockaddr*>(&listener.address),
                                    sizeof listener.address));
    }
    Owned client(harness.reactor(), tcp_socket());
    Tracked connect = connecting(client.get(), listener.address);
    CHECK_FALSE(harness.start(connect));
    harness.settle();
    CHECK_FALSE(connect.done());
    harness.reactor().cancel(connect);
    CHECK(harness.finish(connect) == -ECANCELED);

    Owned other(harness.reactor(), tcp_socket());
    Tracked closing = connecting(other.get(), listener.address);
    CHECK_FALSE(harness.start(closing));
    harness.settle();
    other.close();
    CHECK(harness.finish(closing) == -ECANCELED);
}

TEST_CASE("connect to a Unix listener with a full queue is EAGAIN in O_NONBLOCK mode, at once") {
    Harness harness;
    UnixListener listener(harness, 0);
    Owned first(harness.reactor(), ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Tracked fits = listener.connecting(first.get());
    CHECK(harness.run(fits) == 0);
    Owned second(harness.reactor(),
                 ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    Tracked full = listener.connecting(second.get());
    CHECK(harness.run(full) == -EAGAIN);
    // There is room again: now it works, with the same socket.
    const int accepted = ::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(accepted >= 0);
    Tracked again = listener.connecting(second.get());
    CHECK(harness.run(again) == 0);
    ::close(accepted);
}

TEST_CASE("connect to a Unix name where nobody listens is refused at once") {
    Harness harness;
    UnixListener listener(harness, 4);
    listener.fd.close();
    Owned client(harness.reactor(), ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Tracked connect = listener.connecting(client.get());
    CHECK(harness.run(connect) == -ECONNREFUSED);
}
