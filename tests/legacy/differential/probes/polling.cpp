// SPDX-License-Identifier: BSL-1.0
// poll and ppoll.
#include "common.hpp"

#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

using namespace differential;

namespace {

std::string events_of(short events) {
    static const struct {
        short bit;
        const char* name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},
                 {POLLERR, "ERR"},       {POLLHUP, "HUP"},       {POLLNVAL, "NVAL"},
                 {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}, {POLLRDHUP, "RDHUP"}};
    std::string text;
    for (const auto& name : names) {
        if ((events & name.bit) != 0) text += (text.empty() ? "" : "+") + std::string(name.name);
    }
    return text.empty() ? "none" : text;
}

// A poll() for one, and what it said.
void poll_one(const char* what, int fd, short events, int timeout) {
    pollfd one{fd, events, 0x55};
    const int result = ::poll(&one, 1, timeout);
    // One line: several may say it at once.
    say("%s: %d, %s", what, result, events_of(one.revents).c_str());
}

}  // namespace

PROBE("poll waits for data", "poll") {
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    poll_one("reading", pair.fd[0], POLLIN, -1);
    poll_one("again", pair.fd[0], POLLIN, -1);
    poll_one("both", pair.fd[0], POLLIN | POLLOUT, -1);
    poll_one("normal data", pair.fd[0], POLLRDNORM | POLLWRNORM, -1);
}

PROBE("poll: its timeout", "poll", "ppoll") {
    Pair pair;
    Others others;
    Stopwatch watch;
    poll_one("nothing", pair.fd[0], POLLIN, 40);
    watch.expect("poll", 40ms);
    const timespec timeout{0, 40'000'000};
    pollfd one{pair.fd[0], POLLIN, 0};
    report("ppoll", ::ppoll(&one, 1, &timeout, nullptr));
    watch.expect("ppoll", 80ms);
    say("untouched: %ld", timeout.tv_nsec);
    report("no descriptor at all", ::poll(nullptr, 0, 40));
    watch.expect("as a sleep", 120ms);
    others.say_whether_they_ran();
}

PROBE("poll without waiting", "poll", "ppoll") {
    Pair pair;
    Stopwatch watch;
    poll_one("nothing", pair.fd[0], POLLIN, 0);
    poll_one("room", pair.fd[0], POLLOUT, 0);
    const timespec zero{0, 0};
    pollfd one{pair.fd[0], POLLIN, 0};
    report("ppoll", ::ppoll(&one, 1, &zero, nullptr));
    report("no descriptor at all", ::poll(nullptr, 0, 0));
    watch.expect_less("all", 500ms);
}

PROBE("poll: descriptors that are not there", "poll") {
    Pair pair;
    ::write(pair.fd[1], "x", 1);
    pollfd some[] = {{799, POLLIN, 0}, {-1, POLLIN, 0x77}, {pair.fd[0], POLLIN, 0}, {-5, 0, 0x77}};
    report("poll", ::poll(some, 4, -1));
    for (const pollfd& one : some) say("%s", events_of(one.revents).c_str());
    pollfd none[] = {{-1, POLLIN, 0x77}};
    report("only negative ones", ::poll(none, 1, 20));
    say("%s", events_of(none[0].revents).c_str());
}

PROBE("poll: one descriptor twice", "poll") {
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(20ms);
        ::write(pair.fd[1], "x", 1);
    });
    pollfd both[] = {{pair.fd[0], POLLIN, 0}, {pair.fd[0], POLLIN | POLLPRI, 0}};
    report("poll", ::poll(both, 2, -1));
    say("%s, %s", events_of(both[0].revents).c_str(), events_of(both[1].revents).c_str());
    writer.join();
    both[1].events = POLLIN;
    report("poll again", ::poll(both, 2, -1));
    say("%s, %s", events_of(both[0].revents).c_str(), events_of(both[1].revents).c_str());
}

PROBE("poll: the peer closes", "poll") {
    Pair pair;
    Actor peer = spawn([&] {
        pause_for(a_moment);
        pair.close(1);
    });
    poll_one("nothing asked", pair.fd[0], 0, -1);
    poll_one("reading", pair.fd[0], POLLIN, -1);
    poll_one("everything", pair.fd[0], POLLIN | POLLOUT | POLLRDHUP, -1);
}

PROBE("poll: the peer will send no more", "poll") {
    Pair pair;
    Actor peer = spawn([&] {
        pause_for(a_moment);
        ::shutdown(pair.fd[1], SHUT_WR);
    });
    poll_one("its end", pair.fd[0], POLLRDHUP, -1);
    poll_one("reading", pair.fd[0], POLLIN, -1);
    poll_one("nothing asked", pair.fd[0], 0, 20);
}

PROBE("poll: pipes whose other end goes", "poll") {
    PipePair pipe, other;
    fill(pipe.fd[1]);
    Actor peer = spawn([&] {
        pause_for(a_moment);
        pipe.close(0);
        other.close(1);
    });
    poll_one("the reader went", pipe.fd[1], POLLOUT, -1);
    poll_one("the writer went", other.fd[0], POLLIN, -1);
    poll_one("nothing asked", pipe.fd[1], 0, -1);
}

PROBE("poll waits for room", "poll") {
    Pair pair;
    fill(pair.fd[0]);
    Actor reader = spawn([&] {
        pause_for(a_moment);
        drain(pair.fd[1]);
    });
    poll_one("writing", pair.fd[0], POLLOUT, -1);
}

PROBE("poll: data out of band", "poll") {
    Listening listening;
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ::connect(client, listening.generic(), sizeof listening.address);
    const int server = ::accept(listening.fd, nullptr, nullptr);
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::send(server, "!", 1, MSG_OOB);
    });
    poll_one("urgent", client, POLLPRI, -1);
    sender.join();
    ::close(server);
    ::close(client);
}

PROBE("several poll the same descriptor", "poll") {
    Pair pair;
    auto reader = [&] { poll_one("reading", pair.fd[0], POLLIN, -1); };
    Actor a = spawn(reader);
    Actor b = spawn(reader);
    Actor c = spawn(reader);
    pause_for(a_moment);
    ::write(pair.fd[1], "x", 1);
}

PROBE("some poll for data, others for room", "poll") {
    Pair pair;
    fill(pair.fd[0]);
    Actor reader = spawn([&] { poll_one("reading", pair.fd[0], POLLIN, -1); });
    pause_for(20ms);
    ::write(pair.fd[1], "x", 1);
    reader.join();
    Actor writer = spawn([&] { poll_one("writing", pair.fd[0], POLLOUT, -1); });
    pause_for(20ms);
    drain(pair.fd[1]);
    writer.join();
}

PROBE("poll: many descriptors", "poll") {
    std::vector<int> descriptors;
    std::vector<pollfd> polled;
    for (int i = 0; i < 300; ++i) {
        descriptors.push_back(::eventfd(0, 0));
        polled.push_back({descriptors.back(), POLLIN, 0});
    }
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::eventfd_write(descriptors[250], 1);
    });
    report("poll", ::poll(polled.data(), polled.size(), -1));
    say("the right one: %s", polled[250].revents == POLLIN ? "yes" : "no");
    writer.join();
    for (const int fd : descriptors) ::close(fd);
}

PROBE("poll: files are always ready", "poll") {
    TemporaryName name;
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT, 0600);
    poll_one("a file", fd, POLLIN | POLLOUT, -1);
    ::close(fd);
    PipePair pipe;
    poll_one("the wrong end", pipe.fd[1], POLLIN, 20);
    const int null = ::open("/dev/null", O_RDWR);
    poll_one("/dev/null", null, POLLIN | POLLOUT, -1);
    ::close(null);
}

PROBE("poll: sockets of all states", "poll") {
    Listening listening;
    const int fresh = ::socket(AF_INET, SOCK_STREAM, 0);
    poll_one("not connected", fresh, POLLIN | POLLOUT, 20);
    poll_one("nobody has come", listening.fd, POLLIN, 20);
    Actor client = spawn([&] {
        pause_for(20ms);
        ::connect(fresh, listening.generic(), sizeof listening.address);
    });
    poll_one("somebody has come", listening.fd, POLLIN, -1);
    client.join();
    ::close(fresh);
}

PROBE("wrong arguments of poll", "poll", "ppoll") {
    Pair pair;
    report("bad memory", ::poll(bad_memory<pollfd>(), 1, 0));
    rlimit few{16, 16}, before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    few.rlim_max = before.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &few);
    std::vector<pollfd> many(20, {pair.fd[0], POLLOUT, 0});
    report("more than there can be", ::poll(many.data(), many.size(), 0));
    ::setrlimit(RLIMIT_NOFILE, &before);
    pollfd one{pair.fd[0], POLLIN, 0};
    timespec wrong{0, 1'000'000'000};
    report("a wrong time", ::ppoll(&one, 1, &wrong, nullptr));
    wrong = {-1, 0};
    report("a negative time", ::ppoll(&one, 1, &wrong, nullptr));
    one.events = POLLOUT;
    report("a negative time, though it is ready", ::ppoll(&one, 1, &wrong, nullptr));
}

PROBE("poll: negative timeouts are for ever", "poll") {
    Pair pair;
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    poll_one("minus five", pair.fd[0], POLLIN, -5);
}

PROBE("ppoll lets a signal through", "ppoll") {
    sigset_t blocked, none;
    sigemptyset(&blocked);
    sigemptyset(&none);
    sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    Handler handler(SIGUSR1);
    Pair pair;
    pollfd one{pair.fd[0], POLLIN, 0};
    ::kill(::getpid(), SIGUSR1);
    say("handled: %d", handler.count());
    report("ppoll, pending", ::ppoll(&one, 1, nullptr, &none));
    say("handled: %d", handler.count());
    Actor sender = spawn([&] {
        pause_for(a_moment);
        ::kill(::getpid(), SIGUSR1);
    });
    report("ppoll, later", ::ppoll(&one, 1, nullptr, &none));
    say("handled: %d", handler.count());
}

PROBE("an epoll in a poll", "poll") {
    Pair pair;
    const int epoll = ::epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, pair.fd[0], &event);
    Actor writer = spawn([&] {
        pause_for(a_moment);
        ::write(pair.fd[1], "x", 1);
    });
    poll_one("the epoll", epoll, POLLIN, -1);
    writer.join();
    ::close(epoll);
}

PROBE("a loop of polls that do not wait lets others run", "poll", "recv") {
    Pair pair;
    Actor writer = spawn([&] { ::write(pair.fd[1], "x", 1); });
    pollfd one{pair.fd[0], POLLIN, 0};
    while (::poll(&one, 1, 0) == 0) {}
    say("%s", events_of(one.revents).c_str());
    char bytes[2];
    Actor other = spawn([&] { ::write(pair.fd[1], "y", 1); });
    ssize_t got = 0;
    while (got < 2) {
        const ssize_t more = ::recv(pair.fd[0], bytes, 1, MSG_DONTWAIT);
        if (more > 0) got += more;
    }
    say("both bytes");
}
