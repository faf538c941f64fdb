// SPDX-License-Identifier: BSL-1.0
// Socket, Fd and wait_fd.
#include <fcntl.h>
#include <poll.h>

#include <array>
#include <csignal>
#include <chrono>
#include <coir/coir.hpp>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;

namespace {

std::pair<coir::Socket, coir::Socket> socket_pair(int type = SOCK_STREAM) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
    coir::Fd a(fds[0]);
    coir::Fd b(fds[1]);
    coir::Socket first(std::move(a));
    return {std::move(first), coir::Socket(std::move(b))};
}

std::pair<coir::Fd, coir::Fd> make_pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    return {coir::Fd(fds[0]), coir::Fd(fds[1])};
}

}  // namespace

TEST_CASE("rule 263: sockets connect, accept, send and receive", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto listener = coir::Socket::create(AF_INET, SOCK_STREAM);
        listener.bind(coir::Address("127.0.0.1", 0));
        listener.listen();
        auto client = coir::Socket::create(AF_INET, SOCK_STREAM);
        client.connect(listener.local_address());
        auto server = listener.accept();
        CHECK(server.peer_address() == client.local_address());
        const std::string data(3 << 20, 'd');
        auto& sender = client;
        auto sending = coir::create_task([&] {
            sender.sendall(data);
            sender.shutdown(SHUT_WR);
        });
        std::string got;
        std::array<char, 10'000> buffer;
        while (const std::size_t count = server.recv(buffer)) got.append(buffer.data(), count);
        CHECK((got == data));
        coir::await(sending);
        CHECK(server.recv(buffer) == 0);
    });
}

TEST_CASE("rule 264: a cancelled recv leaves the socket usable at once", "[net]") {
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        char buffer[8];
        for (int i = 0; i < 3; ++i) {
            auto waiting = coir::create_task([&] { a.recv(buffer); });
            coir::yield_now();
            waiting.cancel();
            CHECK_THROWS_AS(coir::await(waiting), coir::TaskCancelledError);
            b.send("x");
            CHECK(a.recv(buffer) == 1);
        }
    });
}

TEST_CASE("rule 265: cancelling one waiter never drops another one", "[net]") {
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        char one[8];
        char two[8];
        auto older = coir::create_task([&] { return a.recv(one); });
        auto newer = coir::create_task([&] { return a.recv(two); });
        coir::yield_now();
        older.cancel();
        coir::yield_now();
        b.send("ab");
        CHECK(coir::await(newer) == 2);
        CHECK_THROWS_AS(coir::await(older), coir::TaskCancelledError);
    });
}

TEST_CASE("rule 343, D29, B50: closing a socket ends what waits, and its number may be used again", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        for (int round = 0; round < 20; ++round) {
            auto pair = socket_pair();
            auto& a = pair.first;
            auto& second = pair.second;
            char buffer[8];
            auto waiting = coir::create_task([&] { return io_error_of([&] { a.recv(buffer); }); });
            coir::yield_now();
            const int number = a.native_handle();
            second.send("late");
            a.close();
            auto pair2 = socket_pair();
            auto& third = pair2.first;
            auto& fourth = pair2.second;
            CHECK((third.native_handle() == number || fourth.native_handle() == number));
            const int outcome = coir::await(waiting);
            CHECK((outcome == ECANCELED || outcome == 0));  // a result that was there counts
            fourth.send("new");
            CHECK(third.recv(buffer) == 3);
        }
    });
}

TEST_CASE("rule 350: closing a socket that is connecting ends the connect", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto listener = coir::Socket::create(AF_INET, SOCK_STREAM);
        listener.bind(coir::Address("127.0.0.1", 0));
        listener.listen(0);
        const coir::Address to = listener.local_address();
        // With its queue full a listener answers no more.
        std::vector<coir::Fd> fillers;
        for (int i = 0; i < 4; ++i) {
            fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            static_cast<void>(::connect(fillers.back().get(), to.data(), to.size()));
        }
        auto made = coir::Socket::create(AF_INET, SOCK_STREAM);
        auto& client = made;
        auto connecting = coir::create_task([&] { return io_error_of([&] { client.connect(to); }); });
        coir::sleep(5ms);
        CHECK_FALSE(connecting.done());
        client.close();
        CHECK(coir::await(connecting) == ECANCELED);
    });
}

TEST_CASE("rule 18: no event is delivered twice across stop and restart", "[net]") {
    coir_test::FdCount fds;
    auto pair = make_pipe();
    const int in = pair.first.get();
    const int out = pair.second.get();
    REQUIRE(::fcntl(in, F_SETFL, O_NONBLOCK) == 0);
    coir::EventLoop loop(coir_test::options());
    std::string got;
    int for_nothing = 0;
    auto reader = loop.create_task([&] {
        while (got.size() < 5) {
            coir::wait_readable(in);
            char byte = 0;
            if (::read(in, &byte, 1) == 1) {
                got += byte;
            } else {
                ++for_nothing;
            }
            loop.stop();
        }
    });
    for (const char* byte : {"a", "b", "c", "d", "e"}) {
        REQUIRE(::write(out, byte, 1) == 1);  // the loop does not run meanwhile
        loop.run_forever();
        const std::string so_far = got;
        for (int i = 0; i < 3; ++i) loop.run_once(coir::RunMode::no_wait);
        CHECK(got == so_far);
    }
    CHECK(reader.done());
    CHECK(got == "abcde");
    CHECK(for_nothing == 0);
}

TEST_CASE("socket: sendall says how much went out", "[net]") {
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        std::size_t out = 0;
        auto sending = coir::create_task([&] {
            try {
                a.sendall(std::string(4 << 20, 'x'));
            } catch (const coir::WriteCancelledError& error) {
                out = error.transferred();
                throw;
            }
        });
        coir::sleep(1ms);
        sending.cancel();
        CHECK_THROWS_AS(coir::await(sending), coir::TaskCancelledError);
        CHECK(out > 0);
        CHECK(out < 4u << 20);
    });
}

TEST_CASE("socket: sending to a peer that has gone is an error, not a signal", "[net]") {
    struct sigaction disposition {};
    REQUIRE(::sigaction(SIGPIPE, nullptr, &disposition) == 0);
    REQUIRE(disposition.sa_handler == SIG_DFL);
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        pair.second.close();
        CHECK(io_error_of([&] { a.send("x"); }) == EPIPE);
        CHECK(io_error_of([&] { a.sendall(std::string(1 << 20, 'x')); }) == EPIPE);
        std::array<char, 4> buffer;
        CHECK(a.recv(buffer) == 0);
    });
}

TEST_CASE("rule 357: descriptors are passed, close-on-exec", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        auto pair2 = make_pipe();
        auto& read_end = pair2.first;
        auto& write_end = pair2.second;
        char byte = 'f';
        iovec piece{&byte, 1};
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
        const int passed = read_end.get();
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
        CHECK(a.sendmsg(message) == 1);
        std::memset(control, 0, sizeof control);
        message.msg_controllen = sizeof control;
        CHECK(b.recvmsg(message) == 1);
        int received = -1;
        std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
        coir::Fd copy(received);
        REQUIRE(copy.get() >= 0);
        CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
        REQUIRE(::write(write_end.get(), "z", 1) == 1);
        coir::wait_readable(copy.get());
        char got = 0;
        CHECK(::read(copy.get(), &got, 1) == 1);
        CHECK(got == 'z');
    });
}

TEST_CASE("socket: connecting to a Unix listener with a full queue waits and does not spin", "[net]") {
    coir_test::FdCount fds;
    coir_test::SocketFolder folder;
    for (const int mode : {0, static_cast<int>(SOCK_NONBLOCK)}) {
        run_in_loop([&] {
            const auto address = coir::Address::unix_path(folder.path());
            auto listener = coir::Socket::create(AF_UNIX, SOCK_STREAM);
            listener.bind(address);
            listener.listen(0);
            auto make = [mode] { return coir::Socket::create(AF_UNIX, SOCK_STREAM | mode); };
            auto first = make();
            first.connect(address);
            auto patient = make();
            auto given_up = make();
            auto closed = make();
            auto connecting = coir::create_task([&] { patient.connect(address); });
            auto cancelled = coir::create_task([&] { given_up.connect(address); });
            auto ended = coir::create_task(
                [&] { CHECK(io_error_of([&] { closed.connect(address); }) == ECANCELED); });
            coir::yield_now();
            const auto before = coir::get_running_loop().metrics().turns;
            coir::sleep(300ms);
            CHECK(coir::get_running_loop().metrics().turns - before < 200);
            CHECK_FALSE(connecting.done());
            cancelled.cancel();
            closed.close();
            CHECK_THROWS_AS(coir::await(std::move(cancelled)), coir::TaskCancelledError);
            coir::await(ended);
            auto accepted = listener.accept();
            coir::await(connecting);
            patient.send("x");
            char byte[1];
            CHECK(listener.accept().recv(byte) == 1);
            CHECK((::fcntl(patient.native_handle(), F_GETFL) & O_NONBLOCK) ==
                  (mode ? O_NONBLOCK : 0));
        });
        ::unlink(folder.path().c_str());
    }
}

TEST_CASE("socket: plain receives go on behind descriptors that were passed", "[net]") {
    run_in_loop([] {
        auto [a, b] = socket_pair();
        auto& receiver = a;
        std::string got;
        auto receiving = coir::create_task([&] {
            std::array<char, 16> buffer;
            while (got.size() < 6) got.append(buffer.data(), receiver.recv(buffer));
        });
        coir::sleep(1ms);
        for (const char* text : {"one", "two"}) {
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
            const int passed = b.native_handle();
            std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
            CHECK(b.sendmsg(message) == 3);
        }
        coir::wait_for(receiving, 2s);
        CHECK(got == "onetwo");
    });
}

TEST_CASE("socket: O_NONBLOCK is not touched", "[net]") {
    run_in_loop([] {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        coir::Socket a{coir::Fd(fds[0])};
        coir::Socket b{coir::Fd(fds[1])};
        char buffer[4];
        b.send("x");
        a.recv(buffer);
        CHECK((::fcntl(a.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        coir::Socket adopted{coir::Fd(listener)};
        adopted.bind(coir::Address("127.0.0.1", 0));
        adopted.listen();
        auto client = coir::open_connection(adopted.local_address());
        auto accepted = adopted.accept();
        CHECK((::fcntl(adopted.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
        CHECK((::fcntl(accepted.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
        CHECK((::fcntl(client.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
        CHECK((::fcntl(client.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(accepted.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    });
}

TEST_CASE("socket: release gives the descriptor back", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto pair = socket_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        char buffer[4];
        b.send("x");
        a.recv(buffer);
        coir::Fd fd = a.release();
        CHECK_FALSE(a.is_open());
        CHECK(io_error_of([&] { a.recv(buffer); }) == EBADF);
        REQUIRE(::write(fd.get(), "y", 1) == 1);
        CHECK(b.recv(buffer) == 1);
        coir::Socket again(std::move(fd));
        b.send("z");
        CHECK(again.recv(buffer) == 1);
        int pipe[2];
        REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
        coir::Fd other(pipe[1]);
        CHECK(io_error_of([&] { coir::Socket wrong{coir::Fd(pipe[0])}; }) == ENOTSOCK);
    });
}

TEST_CASE("rule 355: wait_fd is level triggered, on anything that can be polled", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto pair = make_pipe();
        auto& read_end = pair.first;
        auto& made_write = pair.second;
        auto waiting =
            coir::create_task([&] { return coir::wait_fd(read_end.get(), POLLIN | POLLOUT); });
        coir::yield_now();
        CHECK_FALSE(waiting.done());
        REQUIRE(::write(made_write.get(), "x", 1) == 1);
        CHECK(coir::await(waiting) == POLLIN);
        CHECK(coir::wait_fd(read_end.get(), POLLIN) == POLLIN);
        CHECK(coir::wait_fd(read_end.get(), POLLIN) == POLLIN);
        coir::wait_writable(made_write.get());
        made_write.reset();
        CHECK((coir::wait_fd(read_end.get(), POLLIN) & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
    });
}

TEST_CASE("wait_fd: a regular file is ready at once, and a large number is no descriptor", "[net]") {
    run_in_loop([] {
        const coir::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
        CHECK(coir::wait_fd(file.get(), POLLIN | POLLOUT) == (POLLIN | POLLOUT));
        coir::wait_readable(file.get());
        coir::wait_writable(file.get());
        CHECK(io_error_of([] { coir::wait_readable(500'000'000); }) == EBADF);
    });
}

TEST_CASE("wait_fd: waiting on a stream's descriptor does not disturb the stream, nor it us", "[net]") {
    run_in_loop([] {
        auto [a, b] = coir_test::stream_pair();
        auto& stream = a;
        auto waiting = coir::create_task([&] { coir::wait_readable(stream.native_handle()); });
        coir::yield_now();
        auto reading = coir::create_task([&] { return stream.read(16); });
        coir::sleep(5ms);
        CHECK_FALSE(waiting.done());
        b.write("both");
        coir::await(waiting);
        CHECK(coir::await(reading) == "both");
    });
}

TEST_CASE("wait_fd: descriptors that are not open, and no events", "[net]") {
    run_in_loop([] {
        CHECK(io_error_of([] { coir::wait_fd(-1, POLLIN); }) == EBADF);
        auto pipe = make_pipe();
        const int number = pipe.first.get();
        pipe.first.reset();
        CHECK(io_error_of([&] { coir::wait_readable(number); }) == EBADF);
        CHECK_THROWS_AS(coir::wait_fd(pipe.second.get(), 0), std::invalid_argument);
    });
    CHECK_THROWS_AS(coir::wait_fd(0, POLLIN), std::logic_error);
}

TEST_CASE("wait_fd: a cancelled wait leaves no trace", "[net]") {
    run_in_loop([] {
        auto pair = make_pipe();
        auto& read_end = pair.first;
        auto& made_write = pair.second;
        for (int i = 0; i < 3; ++i) {
            auto waiting = coir::create_task([&] { coir::wait_readable(read_end.get()); });
            coir::yield_now();
            waiting.cancel();
            CHECK_THROWS_AS(coir::await(waiting), coir::TaskCancelledError);
        }
        REQUIRE(::write(made_write.get(), "x", 1) == 1);
        coir::wait_readable(read_end.get());
        // Many tasks may wait for one descriptor, for different events.
        auto pair2 = socket_pair();
        auto& a = pair2.first;
        auto& b = pair2.second;
        const int fd = a.native_handle();
        auto in = coir::create_task([fd] { return coir::wait_fd(fd, POLLIN); });
        auto out = coir::create_task([fd] { return coir::wait_fd(fd, POLLOUT); });
        CHECK(coir::await(out) == POLLOUT);
        CHECK_FALSE(in.done());
        b.send("x");
        CHECK(coir::await(in) == POLLIN);
    });
}
