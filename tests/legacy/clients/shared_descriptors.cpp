// SPDX-License-Identifier: BSL-1.0
// REACTOR [--connections N]: the descriptors that several processes share keep their flags, whatever
// tasks do with them. A worker accepts, reads and writes in tasks; a child of it has the same
// descriptors; an innocent process sits in accept() on the same listener, which must never fail; and
// this process watches all of them. Prints a line of JSON; exit status 1 when something was wrong.
#include <coir/coir.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int connectors = 4;

// What the processes tell each other.
struct Board {
    std::atomic<long> accepted_in_tasks{0};
    std::atomic<long> accepted_innocently{0};
    std::atomic<long> spurious{0};  // EAGAIN from an accept() of the innocent process
    std::atomic<long> failures{0};
    std::atomic<long> turns{0};  // of bytes that went to and fro
    std::atomic<pid_t> child{0};
};

int checked(int result, const char* what) {
    if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::to_string(errno));
    return result;
}

struct Descriptors {
    Descriptors() {
        listener = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        checked(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
        checked(::listen(listener, 4096), "listen");
        socklen_t size = sizeof address;
        checked(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
        checked(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
        checked(::pipe(pipe), "pipe");
        counter = checked(::eventfd(0, 0), "eventfd");
    }
    std::vector<int> all() const { return {listener, pair[0], pair[1], pipe[0], pipe[1], counter}; }

    sockaddr_in address{};
    int listener = -1;
    int pair[2];
    int pipe[2];
    int counter = -1;
};

pid_t start(const std::function<void()>& body) {
    const pid_t pid = checked(::fork(), "fork");
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
}

void accept_all(const Descriptors& files, std::atomic<long>& accepted, Board& board) {
    for (;;) {
        const int fd = ::accept(files.listener, nullptr, nullptr);
        if (fd >= 0) {
            ++accepted;
            ::close(fd);
        } else if (errno == EAGAIN) {
            ++board.spurious;
        } else if (errno != ECONNABORTED) {
            ++board.failures;
        }
    }
}

void there_and_back(int in, int out, Board& board) {
    char buffer[8];
    for (;;) {
        if (::read(in, buffer, sizeof buffer) <= 0) ++board.failures;
        coir::sleep(std::chrono::microseconds(100));
        if (::write(out, buffer, sizeof buffer) != sizeof buffer) ++board.failures;
        ++board.turns;
    }
}

// Everything that it calls with these descriptors waits most of the time.
void work(const Descriptors& files, const std::string& reactor, Board& board) {
    coir::RunOptions options;
    options.reactor = reactor;
    coir::run([&] {
        board.child = start([] { for (;;) ::pause(); });
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < 4; ++i) {
            tasks.push_back(coir::create_task([&] {
                accept_all(files, board.accepted_in_tasks, board);
            }));
        }
        // Eight bytes: what an eventfd takes, too.
        const std::uint64_t one = 1;
        for (const int fd : {files.pair[0], files.pipe[1], files.counter}) {
            checked(static_cast<int>(::write(fd, &one, sizeof one)), "write");
        }
        tasks.push_back(coir::create_task([&] { there_and_back(files.pair[1], files.pair[1], board); }));
        tasks.push_back(coir::create_task([&] { there_and_back(files.pair[0], files.pair[0], board); }));
        tasks.push_back(coir::create_task([&] { there_and_back(files.pipe[0], files.pipe[1], board); }));
        tasks.push_back(coir::create_task([&] { there_and_back(files.counter, files.counter, board); }));
        for (auto& task : tasks) coir::await(task);
    }, options);
}

// One at a time, so that those who accept wait in between. The reset leaves no port in TIME_WAIT.
void connect_many(const Descriptors& files, long count, Board& board) {
    for (long i = 0; i < count; ++i) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        const linger reset{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&files.address), sizeof files.address) != 0) {
            ++board.failures;
        }
        char byte;
        if (::read(fd, &byte, 1) != 0) ++board.failures;
        ::close(fd);
    }
}

// 1 when the process has the flag set at the descriptor, -1 when it cannot be seen.
int is_nonblocking(pid_t pid, int fd) {
    std::ifstream info("/proc/" + std::to_string(pid) + "/fdinfo/" + std::to_string(fd));
    for (std::string word; info >> word;) {
        if (word != "flags:" || !(info >> word)) continue;
        return (std::stol(word, nullptr, 8) & O_NONBLOCK) != 0;
    }
    return -1;
}

struct Sight {
    long looks = 0;
    long changed = 0;
    long unseen = 0;
};

// Until all of those who connect have ended.
Sight watch(const Descriptors& files, const std::vector<pid_t>& who, int running) {
    Sight sight;
    const std::vector<int> all = files.all();
    while (running > 0) {
        for (const pid_t pid : who) {
            for (const int fd : all) {
                const int state = is_nonblocking(pid, fd);
                sight.changed += state == 1;
                sight.unseen += state == -1;
                ++sight.looks;
            }
        }
        while (running > 0 && ::waitpid(-1, nullptr, WNOHANG) > 0) --running;
    }
    return sight;
}

int run(const std::string& reactor, long connections) {
    auto& board = *new (::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Board;
    const Descriptors files;
    const pid_t worker = start([&] { work(files, reactor, board); });
    const pid_t innocent = start([&] { accept_all(files, board.accepted_innocently, board); });
    while (board.child == 0) ::usleep(1000);
    for (int i = 0; i < connectors; ++i) {
        start([&] { connect_many(files, connections / connectors, board); });
    }
    const Sight sight = watch(files, {worker, board.child}, connectors);
    for (const pid_t pid : {worker, innocent}) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    const bool all_took_part = board.accepted_in_tasks > 0 && board.accepted_innocently > 0 &&
                               board.turns > 0 && sight.looks > 100;
    std::printf("{\"reactor\": \"%s\", \"accepted_in_tasks\": %ld, \"accepted_innocently\": %ld, "
                "\"spurious\": %ld, \"failures\": %ld, \"turns\": %ld, \"looks\": %ld, "
                "\"changed\": %ld, \"unseen\": %ld}\n",
                reactor.c_str(), board.accepted_in_tasks.load(), board.accepted_innocently.load(),
                board.spurious.load(), board.failures.load(), board.turns.load(), sight.looks,
                sight.changed, sight.unseen);
    const bool right = all_took_part && board.spurious == 0 && board.failures == 0 &&
                       sight.changed == 0 && sight.unseen == 0 &&
                       board.accepted_in_tasks + board.accepted_innocently == connections;
    return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const bool counted = argc == 4 && std::string(argv[2]) == "--connections";
    try {
        return run(argv[1], counted ? std::stol(argv[3]) : 100'000);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
