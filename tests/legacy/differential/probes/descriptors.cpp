// SPDX-License-Identifier: BSL-1.0
// The life of descriptors: flags, copies, closing, numbers that are used again.
#include "common.hpp"

#include <cstdio>

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

using namespace differential;

PROBE("flags, and what a child sees of them", "read") {
    Pair pair;
    char byte;
    Actor reader = spawn([&] { report("read", ::read(pair.fd[0], &byte, 1)); });
    pause_for(20ms);
    say("blocking: %d %d", is_blocking(pair.fd[0]), is_blocking(pair.fd[1]));
    const pid_t child = ::fork();
    if (child == 0) ::_exit(is_blocking(pair.fd[0]) && is_blocking(pair.fd[1]) ? 7 : 8);
    int status = 0;
    ::waitpid(child, &status, 0);
    say("in the child: %d", WEXITSTATUS(status));
    ::write(pair.fd[1], "x", 1);
    reader.join();
    set_nonblocking(pair.fd[0], true);
    say("now: %d", is_blocking(pair.fd[0]));
}

PROBE("FIONBIO", "read") {
    Pair pair;
    char byte;
    int on = 1;
    report("on", ::ioctl(pair.fd[0], FIONBIO, &on));
    report("read", ::read(pair.fd[0], &byte, 1));
    on = 0;
    report("off", ::ioctl(pair.fd[0], FIONBIO, &on));
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    report("read", ::read(pair.fd[0], &byte, 1));
}

PROBE("O_NONBLOCK is set while somebody waits", "read") {
    Pair pair;
    char byte;
    Actor reader = spawn([&] {
        report("read", ::read(pair.fd[0], &byte, 1));
        report("read again", ::read(pair.fd[0], &byte, 1));
    });
    pause_for(20ms);
    set_nonblocking(pair.fd[0], true);
    pause_for(20ms);
    say("a byte");
    ::write(pair.fd[1], "x", 1);
}

PROBE("SO_RCVTIMEO is set while somebody waits", "recv") {
    Pair pair;
    char byte;
    Actor reader = spawn([&] { report("recv", ::recv(pair.fd[0], &byte, 1, 0)); });
    pause_for(20ms);
    limit_time(pair.fd[0], SO_RCVTIMEO, 10ms);
    pause_for(a_moment);
    say("a byte");
    ::write(pair.fd[1], "x", 1);
}

PROBE("a copy of a descriptor that is waited for", "read") {
    Pair pair;
    char byte;
    const int copy = ::dup(pair.fd[0]);
    Actor reader = spawn([&] { report("the copy", ::read(copy, &byte, 1)); });
    pause_for(20ms);
    pair.close(0);
    pause_for(20ms);
    say("the original is closed");
    ::write(pair.fd[1], "x", 1);
    reader.join();
    ::close(copy);
}

PROBE("both copies are waited for", "read") {
    Pair pair;
    const int copy = ::dup(pair.fd[0]);
    auto reader = [](int fd) {
        char byte;
        report("read", ::read(fd, &byte, 1));
    };
    Actor a = spawn([&] { reader(pair.fd[0]); });
    Actor b = spawn([&] { reader(copy); });
    pause_for(a_moment);
    ::write(pair.fd[1], "xy", 2);
    a.join();
    b.join();
    ::close(copy);
}

PROBE("another actor closes a descriptor that is waited for", "close", "read") {
    Pair pair;
    char byte;
    const int fd = pair.fd[0];
    Actor reader = spawn([&] { report("read", ::read(fd, &byte, 1)); });
    pause_for(20ms);
    pair.close(0);
    pause_for(20ms);
    say("closed");
    static_cast<void>(::send(pair.fd[1], "x", 1, MSG_NOSIGNAL));
    pair.close(1);
    reader.join();
    report("read later", ::read(fd, &byte, 1));
}

PROBE("dup2 over a descriptor that is waited for", "dup2", "read") {
    Pair pair, other;
    char byte;
    Actor reader = spawn([&] { report("read", ::read(pair.fd[0], &byte, 1)); });
    pause_for(20ms);
    report("put over it", ::dup2(other.fd[0], pair.fd[0]) == pair.fd[0]);
    pause_for(20ms);
    say("replaced");
    static_cast<void>(::send(pair.fd[1], "x", 1, MSG_NOSIGNAL));
    ::write(other.fd[1], "ab", 2);
    pair.close(1);
    reader.join();
    report("what is there now", ::read(pair.fd[0], &byte, 1));
}

PROBE("numbers that are used again", "close", "read", "poll") {
    int before = -1;
    for (int round = 0; round < 3; ++round) {
        PipePair pipe;
        Pair pair(round == 1 ? SOCK_DGRAM : SOCK_STREAM);
        if (round > 0) say("the same number: %d", pipe.fd[0] == before);
        before = pipe.fd[0];
        const int read_from = round == 2 ? pair.fd[0] : pipe.fd[0];
        const int write_to = round == 2 ? pair.fd[1] : pipe.fd[1];
        Actor writer = spawn([&] {
            pause_for(15ms);
            ::write(write_to, "x", 1);
        });
        pollfd one{read_from, POLLIN, 0};
        report("poll", ::poll(&one, 1, -1));
        char byte;
        report("read", ::read(read_from, &byte, 1));
        writer.join();
    }
}

PROBE("errors of close", "close") {
    Pair pair;
    const int fd = pair.fd[0];
    report("close", ::close(fd));
    report("again", ::close(fd));
    report("none", ::close(-1));
    pair.fd[0] = -1;
}

PROBE("a range of descriptors is closed", "close_range", "read") {
    Pair pair;
    const int copy = ::fcntl(pair.fd[0], F_DUPFD, 500);
    report("close_range", ::close_range(500, 510, 0));
    char byte;
    report("read", ::read(copy, &byte, 1));
    Actor writer = spawn([&] {
        pause_for(20ms);
        ::write(pair.fd[1], "x", 1);
    });
    report("the others live", ::read(pair.fd[0], &byte, 1));
    report("wrong", ::close_range(10, 5, 0));
}

PROBE("fclose closes a descriptor that is used again", "read", "poll") {
    PipePair pipe;
    std::FILE* file = ::fdopen(pipe.fd[0], "r");
    Actor writer = spawn([&] {
        pause_for(20ms);
        ::write(pipe.fd[1], "x", 1);
    });
    pollfd one{pipe.fd[0], POLLIN, 0};
    report("poll", ::poll(&one, 1, -1));
    char byte;
    report("read", ::read(pipe.fd[0], &byte, 1));
    std::fclose(file);
    const int before = pipe.fd[0];
    pipe.fd[0] = -1;
    PipePair other;
    say("the same number: %d", other.fd[0] == before);
    Actor second = spawn([&] {
        pause_for(20ms);
        ::write(other.fd[1], "x", 1);
    });
    one.fd = other.fd[0];
    report("poll", ::poll(&one, 1, 1000));
    report("read", ::read(other.fd[0], &byte, 1));
}

PROBE("dup2 onto a number that was waited for earlier", "dup2", "read") {
    Pair a, b;
    char byte;
    Actor first = spawn([&] {
        pause_for(15ms);
        ::write(a.fd[1], "x", 1);
    });
    report("read", ::read(a.fd[0], &byte, 1));
    report("replace", ::dup2(b.fd[0], a.fd[0]) == a.fd[0]);
    Actor second = spawn([&] {
        pause_for(15ms);
        ::write(b.fd[1], "x", 1);
    });
    report("read", ::read(a.fd[0], &byte, 1));
    report("dup2 onto itself", ::dup2(a.fd[0], a.fd[0]) == a.fd[0]);
    report("from nothing", ::dup2(-1, a.fd[0]));
}

PROBE("dup3", "dup3", "read") {
    Pair a, b;
    char byte;
    report("replace", ::dup3(b.fd[0], a.fd[0], O_CLOEXEC) == a.fd[0]);
    say("close-on-exec: %d", ::fcntl(a.fd[0], F_GETFD));
    Actor writer = spawn([&] {
        pause_for(15ms);
        ::write(b.fd[1], "x", 1);
    });
    report("read", ::read(a.fd[0], &byte, 1));
    report("onto itself", ::dup3(a.fd[0], a.fd[0], 0));
}
