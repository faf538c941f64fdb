// SPDX-License-Identifier: BSL-1.0
// Signals: waiting for them, and what they interrupt.
#include "common.hpp"

#include <ctime>

#include <sys/epoll.h>
#include <sys/select.h>

using namespace differential;

namespace {

sigset_t only(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : signals) sigaddset(&set, number);
    return set;
}

// An actor that sends a signal to the process after a moment, without taking it itself.
Actor send_later(int number, Clock::duration after = 120ms) {
    return spawn([=] {
        const sigset_t set = only({number});
        if (!actors_are_tasks()) ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
        pause_for(after);
        ::kill(::getpid(), number);
    });
}

}  // namespace

PROBE("pause", "pause") {
    Handler handler(SIGUSR1);
    Others others;
    Actor sender = send_later(SIGUSR1);
    report("pause", ::pause());
    say("handled: %d", handler.count());
    others.say_whether_they_ran();
}

PROBE("sigsuspend", "sigsuspend") {
    const sigset_t blocked = only({SIGUSR1}), none = only({});
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    Handler handler(SIGUSR1);
    Actor sender = send_later(SIGUSR1);
    pause_for(160ms);
    say("handled: %d", handler.count());
    report("pending", ::sigsuspend(&none));
    say("handled: %d", handler.count());
    Actor another = send_later(SIGUSR1);
    report("later", ::sigsuspend(&none));
    say("handled: %d", handler.count());
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    say("blocked again: %d", sigismember(&now, SIGUSR1));
}

PROBE("sigwait", "sigwait") {
    const sigset_t set = only({SIGUSR1, SIGUSR2});
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    Others others;
    Actor sender = send_later(SIGUSR2);
    int number = 0;
    report_error("sigwait", ::sigwait(&set, &number));
    say("%s", ::sigabbrev_np(number));
    others.say_whether_they_ran();
}

PROBE("sigwaitinfo and sigtimedwait", "sigwaitinfo", "sigtimedwait") {
    const sigset_t set = only({SIGUSR1, SIGRTMIN});
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    siginfo_t info{};
    timespec limit{0, 40'000'000};
    Stopwatch watch;
    report("too late", ::sigtimedwait(&set, &info, &limit));
    watch.expect("the limit", 40ms);
    limit = {0, 0};
    report("at once", ::sigtimedwait(&set, &info, &limit));
    limit = {0, -1};
    report("a wrong time", ::sigtimedwait(&set, &info, &limit));
    Actor sender = spawn([&] {
        pause_for(a_moment);
        sigval value{};
        value.sival_int = 77;
        ::sigqueue(::getpid(), SIGRTMIN, value);
    });
    report("sigwaitinfo", ::sigwaitinfo(&set, &info) == SIGRTMIN);
    say("value %d", info.si_value.sival_int);
    sender.join();
    ::kill(::getpid(), SIGUSR1);
    limit = {1, 0};
    report("pending", ::sigtimedwait(&set, &info, &limit) == SIGUSR1);
}

PROBE("a handler that restarts: reading and writing go on", "read", "recv", "accept", "write") {
    Handler handler(SIGUSR1, SA_RESTART);
    Pair pair;
    char byte;
    Actor other = spawn([&] {
        const sigset_t set = only({SIGUSR1});
        if (!actors_are_tasks()) ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
        for (int i = 0; i < 2; ++i) {
            pause_for(20ms);
            ::kill(::getpid(), SIGUSR1);
            pause_for(20ms);
            ::write(pair.fd[1], "x", 1);
        }
    });
    report("read", ::read(pair.fd[0], &byte, 1));
    report("recv", ::recv(pair.fd[0], &byte, 1, 0));
    other.join();
    say("handled: %d", handler.count());
}

PROBE("a handler that does not restart interrupts", "read", "pause") {
    Handler handler(SIGUSR1);
    Pair pair;
    limit_time(pair.fd[0], SO_RCVTIMEO, 500ms);
    char byte;
    Actor sender = send_later(SIGUSR1);
    report("read", ::read(pair.fd[0], &byte, 1));
    say("handled: %d", handler.count());
    pollfd one{pair.fd[0], POLLIN, 0};
    Actor second = send_later(SIGUSR1);
    report("poll", ::poll(&one, 1, 500));
    say("handled: %d", handler.count());
    timeval limit{0, 500'000};
    Actor third = send_later(SIGUSR1);
    report("select", ::select(0, nullptr, nullptr, nullptr, &limit));
    say("handled: %d", handler.count());
}

PROBE("nanosleep is interrupted, and says what is left", "nanosleep", "pause") {
    Handler handler(SIGUSR1);
    Actor sender = send_later(SIGUSR1);
    const timespec second{1, 0};
    timespec left{0, 0};
    Stopwatch watch;
    report("nanosleep", ::nanosleep(&second, &left));
    watch.expect_less("interrupted", 900ms);
    say("handled: %d, left: %s", handler.count(),
        left.tv_sec == 0 && left.tv_nsec > 100'000'000 ? "some" : "something else");
}

PROBE("sleep is interrupted, and says what is left", "sleep", "pause") {
    Handler handler(SIGUSR1);
    Actor sender = send_later(SIGUSR1);
    Stopwatch watch;
    report("sleep", ::sleep(3));
    watch.expect_less("interrupted", 900ms);
}

PROBE("alarm interrupts a pause", "pause") {
    Handler handler(SIGALRM);
    const itimerval moment{{0, 0}, {0, 40'000}};
    ::setitimer(ITIMER_REAL, &moment, nullptr);
    report("pause", ::pause());
    say("handled: %d", handler.count());
}

PROBE("handlers may call what waits", "read", "poll") {
    // A call within a handler is not one of the actor that was interrupted.
    static Pair* pair;
    static int result;
    Pair here;
    pair = &here;
    result = -2;
    struct sigaction action {};
    action.sa_handler = [](int) {
        char byte;
        const int saved = errno;
        static_cast<void>(::write(pair->fd[1], "h", 1));
        result = static_cast<int>(::read(pair->fd[0], &byte, 1));
        errno = saved;
    };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR2, &action, nullptr);
    Actor sender = send_later(SIGUSR2, 20ms);
    pause_for(60ms);
    sender.join();
    say("in the handler: %d", result);
}

PROBE("raise and kill are handled at once", "read") {
    Handler handler(SIGUSR1);
    ::raise(SIGUSR1);
    say("%d", handler.count());
    const sigset_t set = only({SIGUSR1});
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::raise(SIGUSR1);
    say("blocked: %d", handler.count());
    sigset_t pending;
    ::sigpending(&pending);
    say("pending: %d", sigismember(&pending, SIGUSR1));
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    say("%d", handler.count());
}
