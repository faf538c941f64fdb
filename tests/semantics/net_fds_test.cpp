// SPDX-License-Identifier: BSL-1.0
// Descriptors that are passed by Unix sockets.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <coir/coir.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;
using coir_test::stream_pair;

namespace {

std::pair<coir::Fd, coir::Fd> make_pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    return {coir::Fd(fds[0]), coir::Fd(fds[1])};
}

// Sends three bytes and a descriptor with them, by plain system calls.
bool send_raw(int socket, const char* text, int fd) {
    iovec piece{const_cast<char*>(text), 3};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 3;
}

}  // namespace

TEST_CASE("rule 357: a stream's plain reads go on behind descriptors that were passed", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto& receiver = a;
        // The kernel ends a read where descriptors came, though there is more behind.
        std::string got;
        auto receiving = coir::create_task([&] {
            std::array<char, 16> buffer;
            while (got.size() < 6) got.append(buffer.data(), receiver.read(buffer));
        });
        coir::sleep(1ms);
        CHECK(send_raw(b.native_handle(), "one", b.native_handle()));
        CHECK(send_raw(b.native_handle(), "two", b.native_handle()));
        coir::wait_for(receiving, 2s);
        CHECK(got == "onetwo");
        auto line = coir::create_task([&] { return receiver.read_until("!"); });
        coir::yield_now();
        CHECK(send_raw(b.native_handle(), "thr", b.native_handle()));
        CHECK(send_raw(b.native_handle(), "ee!", b.native_handle()));
        CHECK(coir::wait_for(line, 2s) == "three!");
    });
}

TEST_CASE("rule 357: streams pass descriptors inside a process", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto pipe = make_pipe();
        auto& receiver = b;
        auto receiving = coir::create_task([&] {
            char buffer[64];
            return receiver.recv_fds(buffer);
        });
        coir::yield_now();
        a.send_fds("take", {pipe.first.get(), pipe.second.get()});
        auto received = coir::await(std::move(receiving));
        CHECK(received.size == 4);
        CHECK_FALSE(received.truncated);
        REQUIRE(received.fds.size() == 2);
        CHECK((::fcntl(received.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
        pipe.first.reset();
        pipe.second.reset();
        coir::Pipe reader(std::move(received.fds[0]));
        coir::Pipe writer(std::move(received.fds[1]));
        writer.write("through");
        CHECK(reader.read(16) == "through");
        // A connected TCP stream, too.
        auto [client, server] = coir_test::tcp_pair();
        const int passed[] = {server.native_handle()};
        b.send_fds("tcp", passed);
        char buffer[16];
        auto again = a.recv_fds(buffer, 1);
        REQUIRE(again.fds.size() == 1);
        server = coir::Stream();
        coir::Stream copy(std::move(again.fds[0]));
        client.write("hello\n");
        CHECK(copy.readline() == "hello\n");
    });
}

TEST_CASE("rule 357: read_exactly leaves the descriptors of what follows", "[net]") {
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto pipe = make_pipe();
        a.write("head");
        a.send_fds("body", {pipe.first.get()});
        CHECK(b.read_exactly(4) == "head");
        char buffer[16];
        CHECK(b.recv_fds(buffer).fds.size() == 1);
    });
}

TEST_CASE("rule 357: descriptors that do not fit are said to be lost, and are closed", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto pipe = make_pipe();
        char buffer[16];
        a.send_fds("x", {pipe.first.get(), pipe.second.get()});
        auto received = b.recv_fds(buffer, 1);
        CHECK(received.size == 1);
        CHECK(received.fds.size() == 1);
        CHECK(received.truncated);
        a.send_fds("y", {pipe.first.get()});
        received = b.recv_fds(buffer, 0);
        CHECK(received.fds.empty());
        CHECK(received.truncated);
        a.write("plain");
        received = b.recv_fds(buffer);
        CHECK(received.size == 5);
        CHECK_FALSE(received.truncated);
        a.close();
        CHECK(b.recv_fds(buffer).size == 0);
        CHECK(b.at_eof());
    });
}

TEST_CASE("rule 357: passing descriptors checks what it is given", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        const std::vector<int> many(254, 0);
        CHECK_THROWS_AS(a.send_fds("x", many), std::invalid_argument);
        CHECK_THROWS_AS(a.send_fds("", {0}), std::invalid_argument);
        char buffer[4];
        CHECK_THROWS_AS(a.recv_fds(buffer, 254), std::invalid_argument);
        CHECK(io_error_of([&a = a] { a.send_fds("x", {-1}); }) == EBADF);
        const std::vector<int> most(253, a.native_handle());
        a.send_fds("x", most);
        CHECK(b.recv_fds(buffer, 253).fds.size() == 253);
    });
}

TEST_CASE("rule 357: a cancelled recv_fds loses nothing", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto pipe = make_pipe();
        auto& receiver = b;
        for (int round = 0; round < 2; ++round) {
            coir::ReceivedFds received;
            auto receiving = coir::create_task([&] {
                char buffer[4];
                received = receiver.recv_fds(buffer);
            });
            coir::yield_now();
            if (round == 1) a.send_fds("x", {pipe.first.get()});
            receiving.cancel();
            try {
                coir::await(receiving);
            } catch (const coir::TaskCancelledError&) {
                CHECK(received.size == 0);
            }
            if (received.size == 0 && round == 1) {
                char buffer[4];
                received = b.recv_fds(buffer);
            }
            CHECK(received.fds.size() == static_cast<std::size_t>(round));
        }
    });
}

TEST_CASE("rule 357: descriptors reach another process and come back", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        coir::Fd theirs(ends[1]);
        coir::Socket ours{coir::Fd(ends[0])};
        auto pipe = make_pipe();
        const pid_t child = ::fork();
        if (child == 0) {
            // Writes into the descriptor that comes, and passes it back.
            char byte = 0;
            iovec piece{&byte, 1};
            alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
            msghdr message{};
            message.msg_iov = &piece;
            message.msg_iovlen = 1;
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            if (::recvmsg(ends[1], &message, 0) != 1) ::_exit(1);
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
            if (::write(fd, "child", 5) != 5) ::_exit(2);
            ::_exit(send_raw(ends[1], "own", fd) ? 0 : 3);
        }
        REQUIRE(child > 0);
        ours.send_fds("x", {pipe.second.get()});
        char buffer[8];
        auto back = ours.recv_fds(buffer);
        CHECK(std::string_view(buffer, back.size) == "own");
        REQUIRE(back.fds.size() == 1);
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        pipe.second.reset();
        coir::Pipe reader(std::move(pipe.first));
        coir::Pipe writer(std::move(back.fds.front()));
        writer.write(" and parent");
        writer.close();
        CHECK(reader.read_all() == "child and parent");
    });
}
