// SPDX-License-Identifier: BSL-1.0
// select and pselect.
#include "common.hpp"

#include <vector>

#include <sys/select.h>

using namespace differential;

namespace {

struct Set {
    Set(std::initializer_list<int> members = {}) {
        FD_ZERO(&set);
        for (const int fd : members) FD_SET(fd, &set);
    }
    bool has(int fd) const { return FD_ISSET(fd, &set); }
    fd_set set;
};

void say_left(const timeval& left, std::chrono::microseconds whole) {
    const auto value = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    say("left: %s", value.count() == 0 ? "nothing" : value < whole ? "some" : "everything");
}

}  // namespace

PROBE("select waits for data", "select") {
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    Set readable{pair.fd[0], pair.fd[1]};
    report("select", ::select(pair.fd[1] + 1, &readable.set, nullptr, nullptr, nullptr));
    say("%d %d", readable.has(pair.fd[0]), readable.has(pair.fd[1]));
}

PROBE("select: its timeout, and what is left of it", "select") {
    Pair pair;
    Others others;
    Set readable{pair.fd[0]};
    timeval timeout{0, 40'000};
    Stopwatch watch;
    report("nothing", ::select(pair.fd[0] + 1, &readable.set, nullptr, nullptr, &timeout));
    watch.expect("select", 40ms);
    others.say_whether_they_ran();
    say("still in the set: %d", readable.has(pair.fd[0]));
    say_left(timeout, 40ms);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    readable = Set{pair.fd[0]};
    timeout = {10, 0};
    report("something", ::select(pair.fd[0] + 1, &readable.set, nullptr, nullptr, &timeout));
    say_left(timeout, 10s);
    say("more than 5 seconds: %d", timeout.tv_sec >= 5);
}

PROBE("select as a sleep", "select") {
    timeval timeout{0, 40'000};
    Others others;
    Stopwatch watch;
    report("select", ::select(0, nullptr, nullptr, nullptr, &timeout));
    watch.expect("the sleep", 40ms);
    others.say_whether_they_ran();
    say_left(timeout, 40ms);
}

PROBE("select without waiting", "select") {
    Pair pair;
    Set readable{pair.fd[0]};
    Set writable{pair.fd[0]};
    timeval zero{0, 0};
    report("select", ::select(pair.fd[0] + 1, &readable.set, &writable.set, nullptr, &zero));
    say("%d %d", readable.has(pair.fd[0]), writable.has(pair.fd[0]));
    say_left(zero, 1us);
}

PROBE("select: all three sets", "select") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(client, listening.generic(), sizeof listening.address);
    const int server = ::accept(listening.fd, nullptr, nullptr);
    Set exceptional{client};
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::send(server, "!", 1, MSG_OOB);
    });
    report("only exceptional", ::select(client + 1, nullptr, nullptr, &exceptional.set, nullptr));
    say("%d", exceptional.has(client));
    sender.join();
    ::send(server, "abc", 3, 0);
    pollfd one{client, POLLIN, 0};
    ::poll(&one, 1, 1000);
    Set readable{client}, writable{client};
    report("all", ::select(client + 1, &readable.set, &writable.set, &exceptional.set, nullptr));
    say("%d %d %d", readable.has(client), writable.has(client), exceptional.has(client));
    ::close(server);
    ::close(client);
}

PROBE("select waits for room", "select") {
    Pair pair;
    fill(pair.fd[0]);
    Actor reader = spawn([&] {
        pause_for(a_moment);
        drain(pair.fd[1]);
    });
    Set writable{pair.fd[0]};
    Set readable{pair.fd[0]};
    report("select", ::select(pair.fd[0] + 1, &readable.set, &writable.set, nullptr, nullptr));
    say("%d %d", readable.has(pair.fd[0]), writable.has(pair.fd[0]));
}

PROBE("select: the end counts as data", "select") {
    Pair pair;
    PipePair pipe;
    Actor peer = spawn([&] {
        pause_for(20ms);
        pair.close(1);
        pause_for(20ms);
        pipe.close(1);
    });
    Set readable{pair.fd[0]};
    report("socket", ::select(pair.fd[0] + 1, &readable.set, nullptr, nullptr, nullptr));
    readable = Set{pipe.fd[0]};
    report("pipe", ::select(pipe.fd[0] + 1, &readable.set, nullptr, nullptr, nullptr));
    // Nobody asks for data: the end alone does not count.
    Set exceptional{pair.fd[0]};
    timeval timeout{0, 20'000};
    report("exceptional", ::select(pair.fd[0] + 1, nullptr, nullptr, &exceptional.set, &timeout));
}

PROBE("wrong arguments of select", "select", "pselect") {
    Pair pair;
    Set readable{pair.fd[0]};
    timeval wrong{-1, 0};
    report("negative count", ::select(-1, &readable.set, nullptr, nullptr, nullptr));
    report("negative time", ::select(1, nullptr, nullptr, nullptr, &wrong));
    wrong = {0, 1'500'000};
    Stopwatch watch;
    ::write(pair.fd[1], "x", 1);
    report("many microseconds",
           ::select(pair.fd[0] + 1, &readable.set, nullptr, nullptr, &wrong));
    watch.expect_less("no wait", 1s);
    Set closed{77};
    report("not open", ::select(78, &closed.set, nullptr, nullptr, nullptr));
    say("the set is as it was: %d", closed.has(77));
    const timespec strange{0, -1};
    report("pselect, a wrong time",
           ::pselect(pair.fd[0] + 1, &readable.set, nullptr, nullptr, &strange, nullptr));
}

PROBE("select: a count that is larger than the sets", "select") {
    Pair pair;
    ::write(pair.fd[1], "x", 1);
    std::vector<unsigned long> room(65536 / 8 / sizeof(unsigned long));
    auto& readable = reinterpret_cast<fd_set&>(*room.data());
    FD_SET(pair.fd[0], &readable);
    report("select", ::select(65536, &readable, nullptr, nullptr, nullptr));
    say("%d", FD_ISSET(pair.fd[0], &readable) != 0);
}

PROBE("select: a descriptor beyond 1024", "select") {
    Pair pair;
    const int high = ::fcntl(pair.fd[0], F_DUPFD, 1500);
    std::vector<unsigned long> room(2048 / 8 / sizeof(unsigned long));
    room[static_cast<std::size_t>(high) / 64] |= 1UL << (high % 64);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    report("select", ::select(high + 1, reinterpret_cast<fd_set*>(room.data()), nullptr, nullptr,
                              nullptr));
    say("%d", (room[static_cast<std::size_t>(high) / 64] >> (high % 64) & 1) != 0);
    writer.join();
    ::close(high);
}

PROBE("pselect leaves its timeout alone", "pselect") {
    Pair pair;
    Set readable{pair.fd[0]};
    const timespec timeout{0, 40'000'000};
    Others others;
    Stopwatch watch;
    report("pselect",
           ::pselect(pair.fd[0] + 1, &readable.set, nullptr, nullptr, &timeout, nullptr));
    watch.expect("the timeout", 40ms);
    others.say_whether_they_ran();
    say("%ld", timeout.tv_nsec);
}

PROBE("pselect lets a signal through", "pselect") {
    sigset_t blocked, none;
    sigemptyset(&blocked);
    sigemptyset(&none);
    sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    Handler handler(SIGUSR1);
    Pair pair;
    Set readable{pair.fd[0]};
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::kill(::getpid(), SIGUSR1);
    });
    report("pselect", ::pselect(pair.fd[0] + 1, &readable.set, nullptr, nullptr, nullptr, &none));
    say("handled: %d", handler.count());
    say("the set is as it was: %d", readable.has(pair.fd[0]));
}

PROBE("several select the same descriptor", "select") {
    Pair pair;
    auto reader = [&] {
        Set readable{pair.fd[0]};
        report("select", ::select(pair.fd[0] + 1, &readable.set, nullptr, nullptr, nullptr));
    };
    Actor a = spawn(reader);
    Actor b = spawn(reader);
    pause_for(a_moment);
    ::write(pair.fd[1], "x", 1);
}
