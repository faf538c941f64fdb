// SPDX-License-Identifier: BSL-1.0
// connect, accept and close in tasks.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

using namespace legacy_test;

TEST_CASE("a blocking server and its clients on one thread", "[legacy]") {
    coir_test::run_in_loop([] {
        Listening listening;
        REQUIRE(listening.ok);
        auto server = coir::create_task([&] {
            for (int i = 0; i < 50; ++i) {
                sockaddr_in peer{};
                socklen_t length = sizeof peer;
                const int fd = ::accept(listening.fd, reinterpret_cast<sockaddr*>(&peer), &length);
                if (fd < 0 || length != sizeof peer || peer.sin_family != AF_INET) return false;
                // As accept() without flags makes it.
                if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 || !is_blocking(fd)) return false;
                coir::spawn_detached([fd] {
                    char buffer[16];
                    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
                    static_cast<void>(::send(fd, buffer, static_cast<std::size_t>(size), 0));
                    ::close(fd);
                });
            }
            return true;
        });
        std::vector<coir::Task<bool>> clients;
        for (int i = 0; i < 50; ++i) {
            clients.push_back(coir::create_task([&listening, i] {
                const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                bool good = ::connect(fd, listening.generic(), sizeof listening.address) == 0;
                good = good && is_blocking(fd);
                const std::string text = std::to_string(i);
                good = good && ::send(fd, text.data(), text.size(), 0) > 0;
                char buffer[16];
                const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
                good = good && size > 0 && text == std::string(buffer, static_cast<size_t>(size));
                // Connected is connected.
                good = good && ::connect(fd, listening.generic(), sizeof listening.address) == -1 &&
                       errno == EISCONN;
                ::close(fd);
                return good;
            }));
        }
        for (auto& client : clients) CHECK(coir::await(client));
        CHECK(coir::await(server));
        CHECK(is_blocking(listening.fd));
    });
}

TEST_CASE("accept4 sets what it is asked to", "[legacy]") {
    coir_test::run_in_loop([] {
        Listening listening;
        REQUIRE(listening.ok);
        auto accepted = coir::create_task([&] {
            return ::accept4(listening.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        });
        ::usleep(2000);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(::connect(fd, listening.generic(), sizeof listening.address) == 0);
        const int other = coir::await(accepted);
        CHECK((::fcntl(other, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK_FALSE(is_blocking(other));
        ::close(fd);
        ::close(other);
        // Errors are libc's.
        CHECK(::accept(STDIN_FILENO + 900, nullptr, nullptr) == -1);
        CHECK(errno == EBADF);
        PipePair pipe;
        CHECK(::accept(pipe.fd[0], nullptr, nullptr) == -1);
        CHECK(errno == ENOTSOCK);
    });
}

TEST_CASE("accept honours SO_RCVTIMEO and O_NONBLOCK", "[legacy]") {
    coir_test::run_in_loop([] {
        Listening listening;
        REQUIRE(listening.ok);
        const timeval limit{0, 30'000};
        REQUIRE(::setsockopt(listening.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
        const auto took = time_of([&] {
            CHECK(::accept(listening.fd, nullptr, nullptr) == -1);
            CHECK(errno == EAGAIN);
        });
        CHECK(took >= 29ms);
        REQUIRE(::fcntl(listening.fd, F_SETFL, O_NONBLOCK) == 0);
        CHECK(::accept(listening.fd, nullptr, nullptr) == -1);
        CHECK(errno == EAGAIN);
    });
}

TEST_CASE("a process that shares a blocking listener notices nothing", "[legacy]") {
    utsname kernel{};
    int major = 0, minor = 0;
    ::uname(&kernel);
    std::sscanf(kernel.release, "%d.%d", &major, &minor);
    if (major * 100 + minor < 610) COIR_SKIP("accept without waiting needs Linux 6.10");
    coir_test::run_in_loop([] {
        Listening listening;
        REQUIRE(listening.ok);
        const pid_t child = ::fork();
        if (child == 0) {
            for (;;) {  // until it is killed, or sees O_NONBLOCK
                const int fd = ::accept(listening.fd, nullptr, nullptr);
                if (fd < 0) ::_exit(3);
                if (::write(fd, "c", 1) != 1) ::_exit(4);
                ::close(fd);
            }
        }
        REQUIRE(child > 0);
        int ours = 0;
        auto server = coir::create_task([&] {
            for (;;) {
                const int fd = ::accept(listening.fd, nullptr, nullptr);
                if (fd < 0) return errno;
                static_cast<void>(::write(fd, "p", 1) == 1 && ++ours != 0);
                ::close(fd);
            }
        });
        int answered = 0;
        for (int i = 0; i < 500; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            char byte = 0;
            if (::connect(fd, listening.generic(), sizeof listening.address) == 0 &&
                ::read(fd, &byte, 1) == 1) {
                ++answered;
            }
            ::close(fd);
        }
        CHECK(answered == 500);
        INFO("of 500 connections, this process took " << ours);
        int status = 0;
        CHECK(::waitpid(child, &status, WNOHANG) == 0);  // it still accepts
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
        static_cast<void>(server.cancel());
        CHECK(coir::await(server) == ECANCELED);
    });
}

TEST_CASE("connect fails as libc's does", "[legacy]") {
    coir_test::run_in_loop([] {
        sockaddr_in nobody{};
        {
            Listening listening;
            REQUIRE(listening.ok);
            nobody = listening.address;
        }
        const auto* address = reinterpret_cast<const sockaddr*>(&nobody);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(::connect(fd, address, sizeof nobody) == -1);
        CHECK(errno == ECONNREFUSED);
        CHECK(is_blocking(fd));
        ::close(fd);
        CHECK(::connect(fd, address, sizeof nobody) == -1);
        CHECK(errno == EBADF);
        const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int result = ::connect(other, address, sizeof nobody);
        CHECK(result == -1);
        CHECK((errno == EINPROGRESS || errno == ECONNREFUSED));
        ::close(other);
        const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CHECK(::connect(datagrams, address, sizeof nobody) == 0);
        ::close(datagrams);
    });
}

TEST_CASE("connect waits for room in a unix listener's queue", "[legacy]") {
    coir_test::run_in_loop([] {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;  // an abstract name, chosen by the kernel
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener, generic, sizeof address.sun_family) == 0);
        REQUIRE(::listen(listener, 0) == 0);
        socklen_t length = sizeof address;
        REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
        std::vector<coir::Task<int>> clients;
        for (int i = 0; i < 5; ++i) {
            clients.push_back(coir::create_task([&] {
                const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                const int result = ::connect(fd, generic, length);
                ::close(fd);
                return result;
            }));
        }
        ::usleep(20'000);
        CHECK_FALSE(clients.back().done());
        for (int i = 0; i < 5; ++i) {
            const int fd = ::accept(listener, nullptr, nullptr);
            CHECK(fd >= 0);
            ::close(fd);
            ::usleep(3000);
        }
        for (auto& client : clients) CHECK(coir::await(client) == 0);
        ::close(listener);
    });
}

TEST_CASE("close wakes those who wait, with EBADF", "[legacy]") {
    coir_test::run_in_loop([] {
        struct Ending {
            ssize_t result;
            int error;
        };
        const auto ending = [](auto&& call) {
            const ssize_t result = call();
            return Ending{result, errno};
        };
        Pair sockets;
        PipePair pipe;
        Listening listening;
        REQUIRE(listening.ok);
        char byte;
        auto reader = coir::create_task(
            [&] { return ending([&] { return ::recv(sockets.fd[0], &byte, 1, 0); }); });
        auto pipe_reader =
            coir::create_task([&] { return ending([&] { return ::read(pipe.fd[0], &byte, 1); }); });
        auto acceptor = coir::create_task([&] {
            return ending([&] { return ssize_t{::accept(listening.fd, nullptr, nullptr)}; });
        });
        ::usleep(5000);
        sockets.close(0);
        pipe.close(0);
        ::close(std::exchange(listening.fd, -1));
        // Even when the numbers are in use again at once.
        Pair others;
        for (auto* task : {&reader, &pipe_reader, &acceptor}) {
            const Ending end = coir::await(*task);
            CHECK(end.result == -1);
            CHECK(end.error == EBADF);
        }
        CHECK(::close(999) == -1);
        CHECK(errno == EBADF);
    });
}
