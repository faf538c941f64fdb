// SPDX-License-Identifier: BSL-1.0
// read, write, recv, send and their relatives in tasks.
#include "probes.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

using namespace legacy_test;

namespace {

// One task sends numbers, the other sends them back plus one, with plain read() and write().
template <class End>
void ping_pong(int there_out, int there_in, int back_out, int back_in, End&& end) {
    auto echo = coir::create_task([=] {
        int number = 0;
        while (::read(there_in, &number, sizeof number) == sizeof number) {
            ++number;
            if (::write(back_out, &number, sizeof number) != sizeof number) return false;
        }
        return true;
    });
    for (int i = 0; i < 500; ++i) {
        int number = i;
        REQUIRE(::write(there_out, &number, sizeof number) == sizeof number);
        REQUIRE(::read(back_in, &number, sizeof number) == sizeof number);
        REQUIRE(number == i + 1);
    }
    end();  // read() then returns 0
    CHECK(coir::await(echo));
}

void fill(std::string& data) {
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 251);
}

}  // namespace

TEST_CASE("two tasks of a thread play ping-pong with blocking read and write", "[legacy]") {
    coir_test::run_in_loop([] {
        SECTION("over pipes") {
            PipePair there, back;
            ping_pong(there.fd[1], there.fd[0], back.fd[1], back.fd[0], [&] { there.close(1); });
        }
        SECTION("over a socket pair") {
            Pair pair;
            ping_pong(pair.fd[0], pair.fd[1], pair.fd[1], pair.fd[0],
                      [&] { ::shutdown(pair.fd[0], SHUT_WR); });
        }
    });
}

TEST_CASE("a blocking write delivers everything", "[legacy]") {
    coir_test::run_in_loop([] {
        std::string data(3'000'000, '\0');
        fill(data);
        const auto send_and_check = [&](int out, int in, auto&& send) {
            auto sender = coir::create_task([&] { return send(out); });
            std::string got;
            char buffer[50'000];
            while (got.size() < data.size()) {
                const ssize_t size = ::read(in, buffer, sizeof buffer);
                REQUIRE(size > 0);
                got.append(buffer, static_cast<std::size_t>(size));
            }
            CHECK(coir::await(sender) == static_cast<ssize_t>(data.size()));
            CHECK(got == data);
        };
        const auto pieces = [&] {
            std::vector<iovec> all;
            for (std::size_t at = 0; at < data.size(); at += 30'000) {
                all.push_back({data.data() + at, std::min<std::size_t>(30'000, data.size() - at)});
            }
            return all;
        };
        SECTION("write to a pipe") {
            PipePair pipe;
            send_and_check(pipe.fd[1], pipe.fd[0],
                           [&](int fd) { return ::write(fd, data.data(), data.size()); });
        }
        SECTION("writev to a pipe") {
            PipePair pipe;
            send_and_check(pipe.fd[1], pipe.fd[0], [&](int fd) {
                auto all = pieces();
                return ::writev(fd, all.data(), static_cast<int>(all.size()));
            });
        }
        SECTION("send") {
            Pair pair;
            send_and_check(pair.fd[0], pair.fd[1],
                           [&](int fd) { return ::send(fd, data.data(), data.size(), 0); });
        }
        SECTION("writev to a socket") {
            Pair pair;
            send_and_check(pair.fd[0], pair.fd[1], [&](int fd) {
                auto all = pieces();
                return ::writev(fd, all.data(), static_cast<int>(all.size()));
            });
        }
        SECTION("sendmsg") {
            Pair pair;
            send_and_check(pair.fd[0], pair.fd[1], [&](int fd) {
                auto all = pieces();
                msghdr message{};
                message.msg_iov = all.data();
                message.msg_iovlen = all.size();
                return ::sendmsg(fd, &message, 0);
            });
        }
    });
}

TEST_CASE("MSG_WAITALL waits for all of it", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        auto sender = coir::create_task([&] {
            for (int i = 0; i < 10; ++i) {
                ::send(pair.fd[1], "0123456789", 10, 0);
                ::usleep(1000);
            }
            pair.close(1);
        });
        char buffer[60] = {};
        SECTION("recv") { CHECK(::recv(pair.fd[0], buffer, 60, MSG_WAITALL) == 60); }
        SECTION("recvfrom") {
            CHECK(::recvfrom(pair.fd[0], buffer, 60, MSG_WAITALL, nullptr, nullptr) == 60);
        }
        SECTION("recvmsg, in pieces") {
            iovec pieces[] = {{buffer, 7}, {buffer + 7, 23}, {buffer + 30, 30}};
            msghdr message{};
            message.msg_iov = pieces;
            message.msg_iovlen = 3;
            CHECK(::recvmsg(pair.fd[0], &message, MSG_WAITALL) == 60);
        }
        CHECK(std::string(buffer, 12) == "012345678901");
        CHECK(std::string(buffer + 50, 10) == "0123456789");
        char rest[100];
        CHECK(::recv(pair.fd[0], rest, 100, MSG_WAITALL) == 40);  // the end comes first
        coir::await(sender);
    });
}

TEST_CASE("SO_RCVTIMEO and SO_SNDTIMEO end a call", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair;
        const timeval limit{0, 40'000};
        char byte = 0;
        Turns turns;
        SECTION("recv") {
            REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
            const auto took = time_of([&] {
                CHECK(::recv(pair.fd[0], &byte, 1, 0) == -1);
                CHECK(errno == EAGAIN);
            });
            CHECK(took >= 39ms);
            CHECK(took < at_most(400ms));
        }
        SECTION("read") {
            REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
            CHECK(::read(pair.fd[0], &byte, 1) == -1);
            CHECK(errno == EAGAIN);
        }
        SECTION("a part, with MSG_WAITALL") {
            REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
            REQUIRE(::send(pair.fd[1], "abc", 3, 0) == 3);
            char buffer[10];
            CHECK(::recv(pair.fd[0], buffer, 10, MSG_WAITALL) == 3);
        }
        SECTION("send") {
            REQUIRE(::setsockopt(pair.fd[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
            const std::string data(5'000'000, 'x');
            const ssize_t part = ::send(pair.fd[0], data.data(), data.size(), 0);
            CHECK(part > 0);
            CHECK(part < static_cast<ssize_t>(data.size()));
            CHECK(::send(pair.fd[0], data.data(), data.size(), 0) == -1);
            CHECK(errno == EAGAIN);
        }
        CHECK(turns.count() >= 2);  // none if the thread had been blocked
    });
}

TEST_CASE("a descriptor that the program set non-blocking stays one", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair sockets(SOCK_STREAM | SOCK_NONBLOCK);
        PipePair pipe;
        REQUIRE(::fcntl(pipe.fd[0], F_SETFL, O_NONBLOCK) == 0);
        char byte;
        CHECK(::recv(sockets.fd[0], &byte, 1, 0) == -1);
        CHECK(errno == EAGAIN);
        CHECK(::read(sockets.fd[0], &byte, 1) == -1);
        CHECK(errno == EAGAIN);
        CHECK(::read(pipe.fd[0], &byte, 1) == -1);
        CHECK(errno == EAGAIN);
        const std::string data(5'000'000, 'x');
        const ssize_t part = ::write(sockets.fd[0], data.data(), data.size());
        CHECK(part > 0);
        CHECK(part < static_cast<ssize_t>(data.size()));
        CHECK(::write(sockets.fd[0], data.data(), data.size()) == -1);
        CHECK(errno == EAGAIN);
        // A loop over EAGAIN leaves the other tasks their turns.
        bool over = false;
        auto other = coir::create_task([&] { over = true; });
        int calls = 0;
        while (!over && ++calls < 1000) static_cast<void>(::recv(sockets.fd[1], &byte, 0, 0));
        CHECK(over);
        CHECK(calls <= 65);
        coir::await(other);
    });
}

TEST_CASE("the flags of a descriptor are never changed", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair sockets;
        PipePair pipe;
        char byte;
        auto reader = coir::create_task([&] { return ::read(sockets.fd[0], &byte, 1); });
        auto pipe_reader = coir::create_task([&] { return ::read(pipe.fd[0], &byte, 1); });
        ::usleep(5000);
        // Both wait now. A child shares the open files, and sees what others would see.
        CHECK(is_blocking(sockets.fd[0]));
        CHECK(is_blocking(pipe.fd[0]));
        const pid_t child = ::fork();
        if (child == 0) {
            const bool good = is_blocking(sockets.fd[0]) && is_blocking(sockets.fd[1]) &&
                              is_blocking(pipe.fd[0]) && is_blocking(pipe.fd[1]);
            // In the child everything blocks as without coir.
            ::usleep(1000);
            ::_exit(good ? 0 : 1);
        }
        REQUIRE(child > 0);
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(::write(sockets.fd[1], "x", 1) == 1);
        CHECK(::write(pipe.fd[1], "x", 1) == 1);
        CHECK(coir::await(reader) == 1);
        CHECK(coir::await(pipe_reader) == 1);
        CHECK(is_blocking(sockets.fd[0]));
        CHECK(is_blocking(pipe.fd[0]));
    });
}

TEST_CASE("nothing asked for is nothing waited for", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair sockets;
        PipePair pipe;
        char byte;
        CHECK(::read(sockets.fd[0], &byte, 0) == 0);
        CHECK(::read(pipe.fd[0], &byte, 0) == 0);
        iovec nothing{&byte, 0};
        CHECK(::readv(sockets.fd[0], &nothing, 1) == 0);
        CHECK(::write(sockets.fd[0], &byte, 0) == 0);
        // Zero-length datagrams are messages.
        Pair datagrams(SOCK_DGRAM);
        CHECK(::send(datagrams.fd[0], &byte, 0, 0) == 0);
        CHECK(::recv(datagrams.fd[1], &byte, 1, 0) == 0);
    });
}

TEST_CASE("errors and the end are those of libc", "[legacy]") {
    coir_test::run_in_loop([] {
        char byte;
        CHECK(::read(-1, &byte, 1) == -1);
        CHECK(errno == EBADF);
        CHECK(::recv(STDIN_FILENO + 900, &byte, 1, 0) == -1);
        CHECK(errno == EBADF);
        PipePair pipe;
        CHECK(::recv(pipe.fd[0], &byte, 1, 0) == -1);
        CHECK(errno == ENOTSOCK);
        ::signal(SIGPIPE, SIG_IGN);
        pipe.close(0);
        CHECK(::write(pipe.fd[1], "x", 1) == -1);
        CHECK(errno == EPIPE);
        Pair sockets;
        sockets.close(1);
        CHECK(::read(sockets.fd[0], &byte, 1) == 0);
        CHECK(::write(sockets.fd[0], "x", 1) == -1);
        CHECK(errno == EPIPE);
        // Files are read here and now.
        const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        REQUIRE(file >= 0);
        std::vector<char> much(300'000);
        CHECK(::read(file, much.data(), much.size()) == static_cast<ssize_t>(much.size()));
        ::close(file);
    });
}

TEST_CASE("an eventfd is read and written in tasks", "[legacy]") {
    coir_test::run_in_loop([] {
        const int event = ::eventfd(0, EFD_CLOEXEC);
        std::uint64_t value = 0;
        auto reader = coir::create_task([&] { return ::read(event, &value, sizeof value); });
        ::usleep(2000);
        const std::uint64_t five = 5;
        CHECK(::write(event, &five, sizeof five) == sizeof five);
        CHECK(coir::await(reader) == sizeof value);
        CHECK(value == 5);
        ::close(event);
    });
}

TEST_CASE("recvmmsg and sendmmsg", "[legacy]") {
    coir_test::run_in_loop([] {
        Pair pair(SOCK_DGRAM);
        char buffers[4][16] = {};
        iovec pieces[4];
        mmsghdr messages[4] = {};
        for (int i = 0; i < 4; ++i) {
            pieces[i] = {buffers[i], sizeof buffers[i]};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        auto sender = coir::create_task([&] {
            char text[] = "abcdef";
            iovec out[3] = {{text, 2}, {text + 2, 2}, {text + 4, 2}};
            mmsghdr all[3] = {};
            for (int i = 0; i < 3; ++i) {
                all[i].msg_hdr.msg_iov = &out[i];
                all[i].msg_hdr.msg_iovlen = 1;
            }
            ::usleep(2000);
            return ::sendmmsg(pair.fd[1], all, 3, 0);
        });
        SECTION("waits for all") {
            CHECK(::recvmmsg(pair.fd[0], messages, 3, 0, nullptr) == 3);
            CHECK(std::string(buffers[2]) == "ef");
            CHECK(messages[2].msg_len == 2);
        }
        SECTION("waits for one") {
            CHECK(::recvmmsg(pair.fd[0], messages, 4, MSG_WAITFORONE, nullptr) == 3);
        }
        SECTION("until a timeout, which is looked at after each message") {
            timespec limit{0, 1};
            CHECK(::recvmmsg(pair.fd[0], messages, 4, 0, &limit) == 1);
            CHECK((limit.tv_sec == 0 && limit.tv_nsec == 0));
        }
        CHECK(coir::await(sender) == 3);
    });
}
