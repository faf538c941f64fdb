// SPDX-License-Identifier: BSL-1.0
// connect, accept, accept4.
#include "common.hpp"

#include <atomic>

using namespace differential;

namespace {

int new_socket(int flags = 0) { return ::socket(AF_INET, SOCK_STREAM | flags, 0); }

int connect_to(const Listening& listening, int fd) {
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&listening.address),
                     sizeof listening.address);
}

// An address where nobody listens.
sockaddr_in closed_port() {
    const Listening listening;
    return listening.address;
}

int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

// A unix listener whose queue is full.
struct FullQueue {
    FullQueue() : address(name.unix_address()), fd(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        ::bind(fd, generic(), sizeof address);
        ::listen(fd, 0);
        first = ::socket(AF_UNIX, SOCK_STREAM, 0);
        ::connect(first, generic(), sizeof address);
    }
    FullQueue(const FullQueue&) = delete;
    ~FullQueue() {
        ::close(first);
        ::close(fd);
    }
    const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
    TemporaryName name;
    sockaddr_un address;
    int fd;
    int first;
};

}  // namespace

PROBE("connect, and connect again", "connect") {
    Listening listening;
    const int fd = new_socket();
    report("connect", connect_to(listening, fd));
    report("again", connect_to(listening, fd));
    report_error("the socket's error", socket_error(fd));
    say("blocking: %d", is_blocking(fd));
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    report("getpeername", ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length));
    say("the listener: %s", peer.sin_port == listening.address.sin_port ? "yes" : "no");
    ::close(fd);
}

PROBE("nobody listens", "connect") {
    const sockaddr_in address = closed_port();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const int fd = new_socket();
    report("connect", ::connect(fd, generic, sizeof address));
    report_error("the socket's error", socket_error(fd));
    report("again", ::connect(fd, generic, sizeof address));
    say("blocking: %d", is_blocking(fd));
    char byte;
    report("read", ::read(fd, &byte, 1));
    Listening listening;
    report("then to somebody", connect_to(listening, fd));
    ::close(fd);
}

PROBE("connect without waiting", "connect", "poll") {
    Listening listening;
    const int fd = new_socket(SOCK_NONBLOCK);
    report("connect", connect_to(listening, fd));
    pollfd one{fd, POLLOUT, 0};
    report("poll", ::poll(&one, 1, 1000));
    report_error("the socket's error", socket_error(fd));
    report("again", connect_to(listening, fd));
    report("once more", connect_to(listening, fd));
    ::close(fd);
    const sockaddr_in address = closed_port();
    const int other = new_socket(SOCK_NONBLOCK);
    report("nobody", ::connect(other, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    one.fd = other;
    ::poll(&one, 1, 1000);
    report_error("the socket's error", socket_error(other));
    ::close(other);
}

PROBE("connect waits for a place in a unix queue", "connect") {
    FullQueue queue;
    std::atomic<bool> accepted{false};
    Actor server = spawn([&] {
        pause_for(a_moment);
        accepted = true;
        for (int i = 0; i < 2; ++i) ::close(::accept(queue.fd, nullptr, nullptr));
    });
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    report("connect", ::connect(fd, queue.generic(), sizeof queue.address));
    say("waited: %s", accepted ? "yes" : "no");
    report("again", ::connect(fd, queue.generic(), sizeof queue.address));
    server.join();
    ::close(fd);
}

PROBE("a full unix queue: O_NONBLOCK and SO_SNDTIMEO", "connect") {
    FullQueue queue;
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    report("without waiting", ::connect(fd, queue.generic(), sizeof queue.address));
    set_nonblocking(fd, false);
    limit_time(fd, SO_SNDTIMEO, 40ms);
    Others others;
    Stopwatch watch;
    report("with a limit", ::connect(fd, queue.generic(), sizeof queue.address));
    watch.expect("the limit", 40ms);
    others.say_whether_they_ran();
    ::close(fd);
}

PROBE("a unix listener goes while somebody waits for it", "connect") {
    FullQueue queue;
    Actor other = spawn([&] {
        pause_for(a_moment);
        ::close(queue.fd);
    });
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    report("connect", ::connect(fd, queue.generic(), sizeof queue.address));
    other.join();
    ::close(fd);
}

PROBE("unix addresses where nobody is", "connect") {
    TemporaryName name;
    const sockaddr_un address = name.unix_address();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    report("no file", ::connect(fd, generic, sizeof address));
    const int other = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ::bind(other, generic, sizeof address);
    report("no listener", ::connect(fd, generic, sizeof address));
    const int datagrams = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    report("another kind", ::connect(datagrams, generic, sizeof address));
    ::close(datagrams);
    ::close(other);
    ::close(fd);
}

PROBE("a TCP queue that stays full: SO_SNDTIMEO", "connect") {
    Listening listening;
    ::listen(listening.fd, 0);
    const int first = new_socket();
    connect_to(listening, first);
    const int fd = new_socket();
    limit_time(fd, SO_SNDTIMEO, 60ms);
    Others others;
    Stopwatch watch;
    report("connect", connect_to(listening, fd));
    watch.expect("the limit", 60ms);
    others.say_whether_they_ran();
    report("again", connect_to(listening, fd));
    say("blocking: %d", is_blocking(fd));
    ::close(fd);
    ::close(first);
}

PROBE("connect waits for a place in a TCP queue", "connect") {
    Listening listening;
    ::listen(listening.fd, 0);
    const int first = new_socket();
    connect_to(listening, first);
    Actor server = spawn([&] {
        pause_for(a_moment);
        for (int i = 0; i < 2; ++i) ::close(::accept(listening.fd, nullptr, nullptr));
    });
    const int fd = new_socket();
    report("connect", connect_to(listening, fd));
    server.join();
    ::close(fd);
    ::close(first);
}

PROBE("wrong arguments of connect", "connect") {
    Listening listening;
    PipePair pipe;
    const int fd = new_socket();
    const auto* generic = reinterpret_cast<const sockaddr*>(&listening.address);
    report("not a socket", ::connect(pipe.fd[0], generic, sizeof listening.address));
    report("no descriptor", ::connect(-1, generic, sizeof listening.address));
    report("too short", ::connect(fd, generic, 3));
    report("no length", ::connect(fd, generic, 0));
    report("bad memory", ::connect(fd, bad_memory<const sockaddr>(), 16));
    sockaddr_in address = listening.address;
    address.sin_family = AF_UNIX;
    report("another family", ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    report("a listener", connect_to(listening, listening.fd));
    ::close(fd);
}

PROBE("datagram sockets connect at once", "connect", "send") {
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in address = closed_port();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    report("connect", ::connect(udp, generic, sizeof address));
    report("again", ::connect(udp, generic, sizeof address));
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    report("to nobody", ::connect(udp, &none, sizeof none));
    report("send", ::send(udp, "x", 1, 0));
    ::close(udp);
}

PROBE("a stream is connected anew", "connect") {
    Listening listening;
    const int fd = new_socket();
    report("connect", connect_to(listening, fd));
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    report("to nobody", ::connect(fd, &none, sizeof none));
    report("connect", connect_to(listening, fd));
    ::close(fd);
}

PROBE("accept waits, and leaves the flags alone", "accept", "accept4", "connect") {
    Listening listening;
    Actor client = spawn([&] {
        for (int i = 0; i < 3; ++i) {
            pause_for(15ms);
            const int fd = new_socket();
            connect_to(listening, fd);
            say("the listener is blocking: %d", is_blocking(listening.fd));
            pause_for(15ms);
            ::close(fd);
        }
    });
    int accepted[3];
    accepted[0] = ::accept(listening.fd, nullptr, nullptr);
    accepted[1] = ::accept4(listening.fd, nullptr, nullptr, SOCK_NONBLOCK);
    accepted[2] = ::accept4(listening.fd, nullptr, nullptr, SOCK_CLOEXEC);
    client.join();
    for (const int fd : accepted) {
        say("accepted: %d, blocking %d, close-on-exec %d", fd >= 0, is_blocking(fd),
            (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        ::close(fd);
    }
}

PROBE("accept says who has connected", "accept") {
    Listening listening;
    const int fd = new_socket();
    connect_to(listening, fd);
    sockaddr_in mine{}, peer{};
    socklen_t length = sizeof mine;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &length);
    length = 100;
    const int server = ::accept(listening.fd, reinterpret_cast<sockaddr*>(&peer), &length);
    say("length %u, the client: %s", length, peer.sin_port == mine.sin_port ? "yes" : "no");
    ::close(server);
    ::close(fd);
    const int other = new_socket();
    connect_to(listening, other);
    length = 4;
    const int short_one = ::accept(listening.fd, reinterpret_cast<sockaddr*>(&peer), &length);
    say("length %u, accepted: %d", length, short_one >= 0);
    ::close(short_one);
    ::close(other);
}

PROBE("accept: O_NONBLOCK and SO_RCVTIMEO", "accept", "accept4") {
    Listening listening;
    limit_time(listening.fd, SO_RCVTIMEO, 40ms);
    Others others;
    Stopwatch watch;
    report("with a limit", ::accept(listening.fd, nullptr, nullptr));
    watch.expect("the limit", 40ms);
    others.say_whether_they_ran();
    set_nonblocking(listening.fd, true);
    report("without waiting", ::accept4(listening.fd, nullptr, nullptr, 0));
}

PROBE("wrong arguments of accept", "accept", "accept4") {
    PipePair pipe;
    Listening listening;
    const int fresh = new_socket();
    report("not listening", ::accept(fresh, nullptr, nullptr));
    report("not a socket", ::accept(pipe.fd[0], nullptr, nullptr));
    report("no descriptor", ::accept(-1, nullptr, nullptr));
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    report("datagrams", ::accept(udp, nullptr, nullptr));
    report("wrong flags", ::accept4(listening.fd, nullptr, nullptr, 1));
    connect_to(listening, fresh);
    report("bad memory", ::accept(listening.fd, bad_memory<sockaddr>(),
                                  bad_memory<socklen_t>()));
    ::close(udp);
    ::close(fresh);
}

PROBE("shutdown wakes who accepts", "accept") {
    Listening listening;
    Actor server = spawn([&] { report("accept", ::accept(listening.fd, nullptr, nullptr)); });
    pause_for(a_moment);
    ::shutdown(listening.fd, SHUT_RDWR);
    server.join();
    report("again", ::accept(listening.fd, nullptr, nullptr));
}

PROBE("several who accept get one connection each", "accept", "connect") {
    Listening listening;
    std::atomic<int> accepted{0};
    auto server = [&] {
        const int fd = ::accept(listening.fd, nullptr, nullptr);
        if (fd >= 0) ++accepted;
        ::close(fd);
    };
    Actor a = spawn(server);
    Actor b = spawn(server);
    Actor c = spawn(server);
    pause_for(20ms);
    for (int i = 1; i <= 3; ++i) {
        const int fd = new_socket();
        connect_to(listening, fd);
        const Stopwatch watch;
        while (accepted < i && watch.passed() < 1s) pause_for(2ms);
        say("after %d connections: %d", i, accepted.load());
        ::close(fd);
    }
}

PROBE("nobody ever sees another O_NONBLOCK", "read", "write", "accept", "connect") {
    // Somebody watches the flags while others wait in all kinds of calls.
    Listening listening;
    Pair pair;
    PipePair pipe;
    fill(pair.fd[1]);
    char byte;
    Actor reader = spawn([&] { report("pipe", ::read(pipe.fd[0], &byte, 1)); });
    Actor writer = spawn([&] {
        pause_for(20ms);
        report("socket", ::write(pair.fd[1], "x", 1));
    });
    Actor server = spawn([&] {
        pause_for(40ms);
        const int fd = ::accept(listening.fd, nullptr, nullptr);
        report("accept", fd >= 0);
        ::close(fd);
    });
    int changed = 0;
    Stopwatch watch;
    while (watch.passed() < 60ms) {
        for (const int fd : {listening.fd, pair.fd[1], pipe.fd[0]}) changed += !is_blocking(fd);
        pause_for(1ms);
    }
    say("changed: %d", changed);
    const int client = new_socket();
    connect_to(listening, client);
    server.join();
    drain(pair.fd[0]);
    writer.join();
    ::write(pipe.fd[1], "x", 1);
    reader.join();
    ::close(client);
}
