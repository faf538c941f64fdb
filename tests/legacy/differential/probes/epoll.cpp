// SPDX-License-Identifier: BSL-1.0
// epoll_wait, epoll_pwait, epoll_pwait2.
#include "common.hpp"

#include <atomic>

#include <sys/epoll.h>
#include <sys/timerfd.h>

using namespace differential;

namespace {

struct Epoll {
    Epoll() : fd(::epoll_create1(0)) {}
    Epoll(const Epoll&) = delete;
    ~Epoll() { ::close(fd); }
    int add(int member, unsigned events) { return change(EPOLL_CTL_ADD, member, events); }
    int change(int what, int member, unsigned events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = member;
        return ::epoll_ctl(fd, what, member, &event);
    }
    /// A wait for one event, and what it said.
    void wait(const char* what, int member, int timeout) {
        epoll_event event{};
        const int result = ::epoll_wait(fd, &event, 1, timeout);
        report(what, result);
        if (result > 0) {
            say("  %s, events %x", event.data.fd == member ? "the right one" : "another one",
                event.events);
        }
    }
    int fd;
};

}  // namespace

PROBE("epoll_wait waits for data", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    report("add", epoll.add(pair.fd[0], EPOLLIN));
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    epoll.wait("wait", pair.fd[0], -1);
    epoll.wait("still there", pair.fd[0], -1);
}

PROBE("epoll_wait: its timeout", "epoll_wait", "epoll_pwait", "epoll_pwait2") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN);
    Others others;
    Stopwatch watch;
    epoll.wait("wait", pair.fd[0], 40);
    watch.expect("wait", 40ms);
    epoll_event event;
    report("pwait", ::epoll_pwait(epoll.fd, &event, 1, 40, nullptr));
    watch.expect("pwait", 80ms);
    const timespec timeout{0, 40'000'000};
    report("pwait2", ::epoll_pwait2(epoll.fd, &event, 1, &timeout, nullptr));
    watch.expect("pwait2", 120ms);
    others.say_whether_they_ran();
    epoll.wait("no wait", pair.fd[0], 0);
    const timespec zero{0, 0};
    report("no wait", ::epoll_pwait2(epoll.fd, &event, 1, &zero, nullptr));
    const timespec wrong{0, -1};
    report("a wrong time", ::epoll_pwait2(epoll.fd, &event, 1, &wrong, nullptr));
}

PROBE("wrong arguments of epoll_wait", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll_event event;
    report("no room", ::epoll_wait(epoll.fd, &event, 0, 0));
    report("negative room", ::epoll_wait(epoll.fd, &event, unknown(-1), 0));
    report("no epoll", ::epoll_wait(pair.fd[0], &event, 1, -1));
    report("no descriptor", ::epoll_wait(-1, &event, 1, -1));
    epoll.add(pair.fd[0], EPOLLOUT);
    report("bad memory", ::epoll_wait(epoll.fd, bad_memory<epoll_event>(), 1, 100));
}

PROBE("edges come once", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN | EPOLLET);
    Actor writer = spawn([&] {
        for (int i = 0; i < 2; ++i) {
            pause_for(a_moment);
            ::write(pair.fd[1], "x", 1);
        }
    });
    epoll.wait("the first", pair.fd[0], -1);
    epoll.wait("the second", pair.fd[0], -1);
    epoll.wait("no third", pair.fd[0], 20);
}

PROBE("one-shot events are armed anew", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN | EPOLLONESHOT);
    ::write(pair.fd[1], "x", 1);
    epoll.wait("the first", pair.fd[0], -1);
    epoll.wait("disarmed", pair.fd[0], 20);
    Actor other = spawn([&] {
        pause_for(20ms);
        epoll.change(EPOLL_CTL_MOD, pair.fd[0], EPOLLIN | EPOLLONESHOT);
    });
    epoll.wait("armed anew", pair.fd[0], -1);
}

PROBE("a descriptor is added while somebody waits", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    ::write(pair.fd[1], "x", 1);
    Actor other = spawn([&] {
        pause_for(a_moment);
        epoll.add(pair.fd[0], EPOLLIN);
    });
    epoll.wait("wait", pair.fd[0], -1);
}

PROBE("a descriptor is taken out while somebody waits", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN);
    Actor other = spawn([&] {
        pause_for(15ms);
        epoll.change(EPOLL_CTL_DEL, pair.fd[0], 0);
        ::write(pair.fd[1], "x", 1);
    });
    epoll.wait("wait", pair.fd[0], 60);
}

PROBE("a member is closed while somebody waits for the epoll", "epoll_wait") {
    Pair pair, other;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN);
    epoll.add(other.fd[0], EPOLLIN);
    Actor closer = spawn([&] {
        pause_for(15ms);
        pair.close(0);
        pause_for(15ms);
        ::write(other.fd[1], "x", 1);
    });
    epoll.wait("wait", other.fd[0], -1);
}

PROBE("several wait for one epoll, an event is for one", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], EPOLLIN | EPOLLET);
    std::atomic<int> woken{0};
    auto waiter = [&] {
        epoll_event event;
        if (::epoll_wait(epoll.fd, &event, 1, 200) == 1) ++woken;
    };
    Actor a = spawn(waiter);
    Actor b = spawn(waiter);
    pause_for(a_moment);
    ::write(pair.fd[1], "x", 1);
    a.join();
    b.join();
    say("woken: %d", woken.load());
}

PROBE("an epoll in an epoll", "epoll_wait") {
    Pair pair;
    Epoll inner, outer;
    inner.add(pair.fd[0], EPOLLIN);
    outer.add(inner.fd, EPOLLIN);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    outer.wait("the outer one", inner.fd, -1);
    inner.wait("the inner one", pair.fd[0], 0);
}

PROBE("an epoll of a timer", "epoll_wait") {
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, 0);
    const itimerspec in{{0, 0}, {0, 40'000'000}};
    Epoll epoll;
    epoll.add(timer, EPOLLIN);
    Stopwatch watch;
    ::timerfd_settime(timer, 0, &in, nullptr);
    epoll.wait("wait", timer, -1);
    watch.expect("the timer", 40ms);
    ::close(timer);
}

PROBE("epoll: hanging up is always told", "epoll_wait") {
    Pair pair;
    Epoll epoll;
    epoll.add(pair.fd[0], 0);
    Actor peer = spawn([&] {
        pause_for(a_moment);
        pair.close(1);
    });
    epoll.wait("wait", pair.fd[0], -1);
}

PROBE("epoll_pwait lets a signal through", "epoll_pwait", "epoll_pwait2") {
    sigset_t blocked, none;
    sigemptyset(&blocked);
    sigemptyset(&none);
    sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    Handler handler(SIGUSR1);
    Epoll epoll;
    Actor sender = spawn([&] {
        for (int i = 0; i < 2; ++i) {
            pause_for(a_moment);
            ::kill(::getpid(), SIGUSR1);
        }
    });
    epoll_event event;
    report("pwait", ::epoll_pwait(epoll.fd, &event, 1, -1, &none));
    say("handled: %d", handler.count());
    report("pwait2", ::epoll_pwait2(epoll.fd, &event, 1, nullptr, &none));
    say("handled: %d", handler.count());
}

PROBE("more events than there is room for", "epoll_wait") {
    Pair a, b, c;
    Epoll epoll;
    for (const Pair* pair : {&a, &b, &c}) {
        epoll.add(pair->fd[0], EPOLLIN);
        ::write(pair->fd[1], "x", 1);
    }
    epoll_event events[8];
    report("two", ::epoll_wait(epoll.fd, events, 2, -1));
    report("all", ::epoll_wait(epoll.fd, events, 8, -1));
}
