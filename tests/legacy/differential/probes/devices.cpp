// SPDX-License-Identifier: BSL-1.0
// read and write on what is neither a socket nor a file: pipes, FIFOs, eventfd, timerfd, signalfd,
// inotify, terminals.
#include "common.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>

using namespace differential;

PROBE("a pipe: read waits, and sees the end", "read") {
    PipePair pipe;
    Actor writer = spawn([&] {
        pause_for(20ms);
        ::write(pipe.fd[1], "abc", 3);
        pause_for(20ms);
        pipe.close(1);
    });
    char buffer[10];
    report("read", ::read(pipe.fd[0], buffer, 10));
    report("read at the end", ::read(pipe.fd[0], buffer, 10));
}

PROBE("a pipe: a megabyte is written as a whole", "write", "read") {
    PipePair pipe;
    constexpr std::size_t size = 1 << 20;
    Actor reader = spawn([&] { say("read: %s", read_pattern(pipe.fd[0], size) ? "good" : "bad"); });
    const ssize_t written = ::write(pipe.fd[1], pattern(size).data(), size);
    reader.join();
    report("write", written);
}

PROBE("a pipe: writev as a whole", "writev", "readv") {
    PipePair pipe;
    const std::string data = pattern(600'000);
    Actor reader = spawn(
        [&] { say("read: %s", read_pattern(pipe.fd[0], data.size(), 5000) ? "good" : "bad"); });
    char* start = const_cast<char*>(data.data());
    const iovec pieces[] = {{start, 1}, {start + 1, 399'999}, {start, 0}, {start + 400'000, 200'000}};
    const ssize_t written = ::writev(pipe.fd[1], pieces, 4);
    reader.join();
    report("writev", written);
}

PROBE("a pipe: the reader goes away", "write") {
    PipePair pipe;
    Handler broken(SIGPIPE);
    const std::string data = pattern(200'000);
    Actor reader = spawn([&] {
        pause_for(a_moment);
        char buffer[4096];
        for (int i = 0; i < 3; ++i) static_cast<void>(::read(pipe.fd[0], buffer, sizeof buffer));
        pause_for(a_moment);
        pipe.close(0);
    });
    const ssize_t size = ::write(pipe.fd[1], data.data(), data.size());
    say("a part: %s, signals %d", size > 4096 && size < 200'000 ? "yes" : "no", broken.count());
    report("write again", ::write(pipe.fd[1], "x", 1));
    say("signals %d", broken.count());
}

PROBE("a pipe: small writes stay whole", "write") {
    PipePair pipe;
    constexpr int rounds = 60;
    auto writer = [&](char letter) {
        const std::string block(4096, letter);
        for (int i = 0; i < rounds; ++i) static_cast<void>(::write(pipe.fd[1], block.data(), 4096));
    };
    Actor a = spawn([&] { writer('a'); });
    Actor b = spawn([&] { writer('b'); });
    char block[4096];
    int mixed = 0;
    for (int i = 0; i < 2 * rounds; ++i) {
        std::size_t size = 0;
        while (size < sizeof block) {
            const ssize_t got = ::read(pipe.fd[0], block + size, sizeof block - size);
            if (got <= 0) break;
            size += static_cast<std::size_t>(got);
            if (size % 512 == 0) pause_for(1us);
        }
        mixed += std::string(block, size).find(block[0] == 'a' ? 'b' : 'a') != std::string::npos;
    }
    say("mixed: %d", mixed);
}

PROBE("a pipe: O_NONBLOCK", "read", "write") {
    PipePair pipe;
    set_nonblocking(pipe.fd[0], true);
    set_nonblocking(pipe.fd[1], true);
    char byte;
    report("read", ::read(pipe.fd[0], &byte, 1));
    const std::string data(100'000, 'x');
    report("write", ::write(pipe.fd[1], data.data(), data.size()));
    report("write", ::write(pipe.fd[1], data.data(), data.size()));
    say("still so: %d %d", is_blocking(pipe.fd[0]), is_blocking(pipe.fd[1]));
}

PROBE("a FIFO that is open", "read", "write") {
    TemporaryName name;
    ::mkfifo(name.c_str(), 0600);
    const int fd = ::open(name.c_str(), O_RDWR);
    Actor writer = spawn([&] {
        pause_for(20ms);
        report("write", ::write(fd, "abc", 3));
    });
    char buffer[10];
    const ssize_t size = ::read(fd, buffer, 10);
    writer.join();
    report("read", size);
    fill(fd);
    Actor reader = spawn([&] {
        pause_for(20ms);
        drain(fd);
    });
    report("write when full", ::write(fd, "abc", 3));
    reader.join();
    ::close(fd);
}

PROBE("eventfd: read waits", "read", "write") {
    const int fd = ::eventfd(0, 0);
    std::atomic<bool> was_read{false};
    Actor writer = spawn([&] {
        pause_for(20ms);
        const std::uint64_t two = 2;
        static_cast<void>(::write(fd, &two, sizeof two));
        while (!was_read) pause_for(10ms);
        static_cast<void>(::write(fd, &two, sizeof two));
    });
    std::uint64_t value = 0;
    report("read", ::read(fd, &value, sizeof value));
    was_read = true;
    say("%d", static_cast<int>(value));
    report("too small", ::read(fd, &value, 4));
    report("read", ::read(fd, &value, sizeof value));
    say("%d", static_cast<int>(value));
    ::close(fd);
}

PROBE("eventfd: write waits for room", "write", "read") {
    const int fd = ::eventfd(0, 0);
    const std::uint64_t most = ~std::uint64_t{0} - 1;
    const std::uint64_t invalid = ~std::uint64_t{0};
    report("invalid", ::write(fd, &invalid, sizeof invalid));
    report("the most", ::write(fd, &most, sizeof most));
    std::atomic<bool> read_it{false};
    Actor reader = spawn([&] {
        pause_for(a_moment);
        read_it = true;
        std::uint64_t value = 0;
        static_cast<void>(::read(fd, &value, sizeof value));
    });
    const std::uint64_t one = 1;
    report("one more", ::write(fd, &one, sizeof one));
    say("waited: %s", read_it ? "yes" : "no");
    reader.join();
    ::close(fd);
}

PROBE("eventfd as a semaphore", "read") {
    const int fd = ::eventfd(1, EFD_SEMAPHORE);
    auto take = [&] {
        std::uint64_t value = 0;
        report("read", ::read(fd, &value, sizeof value));
    };
    Actor a = spawn(take);
    Actor b = spawn(take);
    pause_for(a_moment);
    say("one more");
    const std::uint64_t one = 1;
    static_cast<void>(::write(fd, &one, sizeof one));
    a.join();
    b.join();
    ::close(fd);
}

PROBE("timerfd: read waits", "read") {
    const int fd = ::timerfd_create(CLOCK_MONOTONIC, 0);
    const itimerspec in{{0, 0}, {0, 100'000'000}};
    Others others;
    Stopwatch watch;
    ::timerfd_settime(fd, 0, &in, nullptr);
    std::uint64_t count = 0;
    report("read", ::read(fd, &count, sizeof count));
    watch.expect("the timer", 100ms);
    say("%d", static_cast<int>(count));
    others.say_whether_they_ran();
    ::close(fd);
}

PROBE("signalfd: read waits", "read") {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    const int fd = ::signalfd(-1, &set, 0);
    Actor sender = spawn([&] {
        pause_for(20ms);
        ::kill(::getpid(), SIGUSR1);
    });
    signalfd_siginfo info{};
    report("read", ::read(fd, &info, sizeof info));
    say("%s", info.ssi_signo == SIGUSR1 ? "SIGUSR1" : "another one");
    sender.join();
    ::close(fd);
}

PROBE("inotify: read waits", "read") {
    TemporaryName name;
    const int fd = ::inotify_init1(0);
    const int file = ::open(name.c_str(), O_RDWR | O_CREAT, 0600);
    ::inotify_add_watch(fd, name.c_str(), IN_MODIFY);
    Actor writer = spawn([&] {
        pause_for(20ms);
        static_cast<void>(::write(file, "x", 1));
    });
    char buffer[4096];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    report("read", size);
    inotify_event event;
    std::memcpy(&event, buffer, sizeof event);
    say("modified: %s", (event.mask & IN_MODIFY) != 0 ? "yes" : "no");
    writer.join();
    ::close(file);
    ::close(fd);
}

PROBE("a terminal: read waits for a line", "read", "write") {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    ::grantpt(master);
    ::unlockpt(master);
    const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    Actor typist = spawn([&] {
        pause_for(20ms);
        ::write(master, "ab", 2);
        pause_for(20ms);
        ::write(master, "c\nd\n", 4);
    });
    char buffer[100];
    report("read", ::read(terminal, buffer, sizeof buffer));
    report("read the next line", ::read(terminal, buffer, sizeof buffer));
    typist.join();
    ::tcflush(terminal, TCIOFLUSH);
    Actor program = spawn([&] {
        pause_for(20ms);
        ::write(terminal, "hello", 5);
    });
    report("read as the terminal", ::read(master, buffer, sizeof buffer));
    program.join();
    ::close(terminal);
    report("closed", ::read(master, buffer, sizeof buffer));
    ::close(master);
}

PROBE("a terminal: write waits until somebody reads", "write", "read") {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    ::grantpt(master);
    ::unlockpt(master);
    const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    termios mode{};
    ::tcgetattr(terminal, &mode);
    ::cfmakeraw(&mode);
    ::tcsetattr(terminal, TCSANOW, &mode);
    constexpr std::size_t size = 100'000;
    Actor reader = spawn([&] {
        pause_for(20ms);
        say("read: %s", read_pattern(master, size) ? "good" : "bad");
    });
    const ssize_t written = ::write(terminal, pattern(size).data(), size);
    reader.join();
    report("write", written);
    ::close(terminal);
    ::close(master);
}

PROBE("/dev/null and /dev/zero", "read", "write") {
    const int null = ::open("/dev/null", O_RDWR);
    const int zero = ::open("/dev/zero", O_RDONLY);
    char buffer[100];
    report("read null", ::read(null, buffer, sizeof buffer));
    report("write null", ::write(null, buffer, sizeof buffer));
    report("read zero", ::read(zero, buffer, sizeof buffer));
    ::close(null);
    ::close(zero);
}

PROBE("regular files", "read", "write", "readv", "writev") {
    TemporaryName name;
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT, 0600);
    const std::string data = pattern(300'000);
    report("write", ::write(fd, data.data(), data.size()));
    iovec piece{const_cast<char*>(data.data()), 7};
    report("writev", ::writev(fd, &piece, 1));
    report("at the end", ::read(fd, piece.iov_base, 1));
    report("seek", ::lseek(fd, 5, SEEK_SET));
    char buffer[10];
    iovec pieces[] = {{buffer, 4}, {buffer + 4, 6}};
    report("readv", ::readv(fd, pieces, 2));
    say("%.10s at %ld", buffer, static_cast<long>(::lseek(fd, 0, SEEK_CUR)));
    ::close(fd);
    const int folder = ::open("/tmp", O_RDONLY);
    report("a folder", ::read(folder, buffer, 1));
    ::close(folder);
}
