// SPDX-License-Identifier: BSL-1.0
// Blocking code in tasks while everything around it goes wrong: what it learns is what it learns in a
// thread, nothing hangs, and nothing is left open.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <coir/coir.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

using namespace legacy_test;

namespace {

enum class Manner {
    orderly,
    drips,   ///< one byte at a time
    resets,  ///< half of the answer, and a reset
    ends,    ///< half of the answer, and the end
};
constexpr std::size_t answer_size = 60;

// A server of native threads, one for each connection, which takes no signals.
class Server {
public:
    explicit Server(Manner manner) : manner_(manner) {
        REQUIRE(listening_.ok);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        ::shutdown(listening_.fd, SHUT_RDWR);
        acceptor_.join();
        for (std::thread& each : connections_) each.join();
    }
    const sockaddr_in& address() const { return listening_.address; }

private:
    void accept_all() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        for (;;) {
            const int fd = ::accept4(listening_.fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0 && errno == EMFILE) {  // one of the tests leaves it none
                ::usleep(1000);
                continue;
            }
            if (fd < 0) return;
            connections_.emplace_back([this, fd] { answer(fd); });
        }
    }
    void answer(int fd) const {
        char line[8];
        if (::recv(fd, line, sizeof line, 0) > 0) send_answer(fd);
        if (manner_ == Manner::resets) {
            const linger at_once{1, 0};
            ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        ::close(fd);
    }
    void send_answer(int fd) const {
        const std::string text(answer_size, 'x');
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const bool half = manner_ == Manner::resets || manner_ == Manner::ends;
        const std::size_t size = half ? answer_size / 2 : answer_size;
        const std::size_t step = manner_ == Manner::drips ? 1 : size;
        for (std::size_t at = 0; at < size; at += step) {
            if (::send(fd, text.data() + at, step, MSG_NOSIGNAL) < 0) return;
            if (step == 1) ::usleep(300);
        }
        // What was sent must be there before the reset is.
        if (half) ::usleep(20'000);
    }

    Listening listening_;
    const Manner manner_;
    std::thread acceptor_;
    std::vector<std::thread> connections_;  // the acceptor's until it has ended
};

struct Descriptor {
    explicit Descriptor(int number) : fd(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
    const int fd;
};

std::string failed(const char* call) { return std::string(call) + ": " + ::strerrorname_np(errno); }

// Ordinary blocking code: what it has learned.
std::string ask(const sockaddr_in& address) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.fd < 0) return failed("socket");
    if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return failed("connect");
    }
    if (::send(socket.fd, "ask\n", 4, MSG_NOSIGNAL) != 4) return failed("send");
    std::size_t got = 0;
    char buffer[100];
    for (;;) {
        const ssize_t size = ::read(socket.fd, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::to_string(got) + " bytes, " + failed("read");
        if (size == 0) return std::to_string(got) + " bytes";
        got += static_cast<std::size_t>(size);
    }
}

template <class F>
std::string in_thread(F f) {
    std::string result;
    std::thread([&] { result = f(); }).join();
    return result;
}

std::vector<coir::Task<std::string>> ask_at_once(const Server& server, int count) {
    std::vector<coir::Task<std::string>> tasks;
    for (int i = 0; i < count; ++i) {
        tasks.push_back(coir::create_task([&] { return ask(server.address()); }));
    }
    return tasks;
}

volatile std::sig_atomic_t handled = 0;
void count_signal(int) { handled = handled + 1; }

// SIGALRM every millisecond, for this thread.
class Alarms {
public:
    explicit Alarms(int flags) {
        handled = 0;
        struct sigaction action {};
        action.sa_handler = &count_signal;
        action.sa_flags = flags;
        ::sigaction(SIGALRM, &action, &before_);
        const itimerval each{{0, 1000}, {0, 1000}};
        ::setitimer(ITIMER_REAL, &each, nullptr);
    }
    Alarms(const Alarms&) = delete;
    Alarms& operator=(const Alarms&) = delete;
    ~Alarms() {
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }

private:
    struct sigaction before_ {};
};

}  // namespace

TEST_CASE("chaos: peers that drip, reset and end are told as to a thread", "[legacy][chaos]") {
    for (const Manner manner : {Manner::orderly, Manner::drips, Manner::resets, Manner::ends}) {
        INFO("manner " << static_cast<int>(manner));
        const Server server(manner);
        const std::string expected = in_thread([&] { return ask(server.address()); });
        coir_test::run_in_loop([&] {
            coir_test::FdCount fds;
            for (auto& task : ask_at_once(server, 40)) CHECK(coir::await(task) == expected);
        });
    }
}

TEST_CASE("chaos: signals every millisecond", "[legacy][chaos]") {
    for (const int flags : {SA_RESTART, 0}) {
        const Server server(Manner::drips);
        coir_test::run_in_loop([&] {
            const Alarms alarms(flags);
            for (auto& task : ask_at_once(server, 20)) {
                const std::string answer = coir::await(task);
                // As in a thread, whatever is under way may be interrupted, connect() as well.
                const bool interrupted = flags == 0 && answer == "connect: EINTR";
                if (!interrupted) CHECK(answer == "60 bytes");
            }
            CHECK(handled > 0);
        });
    }
}

TEST_CASE("chaos: children are forked under load", "[legacy][chaos]") {
    if (COIR_TSAN) COIR_SKIP("ThreadSanitizer is not for forks");
    const Server server(Manner::drips);
    coir_test::run_in_loop([&] {
        auto asking = ask_at_once(server, 20);
        auto forking = coir::create_task([&] {
            for (int i = 0; i < 10; ++i) {
                const pid_t child = ::fork();
                // In the child the calls block, as they do without tasks.
                if (child == 0) ::_exit(ask(server.address()) == "60 bytes" ? 7 : 1);
                int status = 0;
                CHECK(::waitpid(child, &status, 0) == child);
                CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
            }
        });
        for (auto& task : asking) CHECK(coir::await(task) == "60 bytes");
        coir::await(forking);
    });
}

TEST_CASE("chaos: no descriptors are left", "[legacy][chaos]") {
    // It looks by a pipe whether memory is there.
    if (COIR_ASAN) COIR_SKIP("UndefinedBehaviorSanitizer needs descriptors of its own");
    const Server server(Manner::orderly);
    const auto exhausted = [&] {
        std::string all = ask(server.address());
        int ends[2];
        all += ::pipe(ends) == 0 ? ", a pipe" : ", " + failed("pipe");
        all += ::dup(0) >= 0 ? ", a copy" : ", " + failed("dup");
        std::FILE* command = ::popen("true", "r");
        all += command ? ", a command" : ", " + failed("popen");
        return all;
    };
    coir_test::run_in_loop([&] {
        CHECK(ask(server.address()) == "60 bytes");  // what is opened once is open now
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        std::vector<int> taken;
        const rlimit low{64, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &low);
        for (int fd; (fd = ::dup(0)) >= 0;) taken.push_back(fd);
        const std::string expected = in_thread(exhausted);
        std::vector<coir::Task<std::string>> tasks;
        for (int i = 0; i < 10; ++i) tasks.push_back(coir::create_task(exhausted));
        for (auto& task : tasks) CHECK(coir::await(task) == expected);
        CHECK(expected.find("socket: EMFILE") == 0);
        for (const int fd : taken) ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before);
        CHECK(ask(server.address()) == "60 bytes");
    });
}

TEST_CASE("chaos: cancelled at every point at which it waits", "[legacy][chaos]") {
    // Counts how often one task is left.
    struct Watch {
        coir_task* task = nullptr;
        int left = 0;
    };
    const Server server(Manner::drips);
    coir_test::run_in_loop([&] {
        coir_test::FdCount fds;
        static Watch watch;
        REQUIRE(::coir_on_switch([](void*) { watch.left += ::coir_self() == watch.task; }, nullptr,
                                 nullptr) == 0);
        // How many points there are depends on how the bytes come: on a busy machine many at once.
        int ended = 0;
        int cancelled = 0;
        for (int point = 1; ended < 3 && point <= 80; ++point) {
            std::string learned;
            watch = Watch{};
            auto task = coir::create_task([&] {
                watch.task = ::coir_self();
                learned = ask(server.address());
                watch.task = nullptr;
                coir::checkpoint();
            });
            while (!task.done() && watch.left < point) coir::yield_now();
            if (!task.cancel()) ++ended;
            try {
                coir::await(task);
            } catch (const coir::TaskCancelledError&) {
                INFO(learned);
                // A result that was there already beats the request.
                CHECK((learned.find("ECANCELED") != std::string::npos || learned == "60 bytes"));
                ++cancelled;
            }
        }
        CHECK(cancelled > 1);
        CHECK(ask(server.address()) == "60 bytes");
    });
}
