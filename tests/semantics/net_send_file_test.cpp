// SPDX-License-Identifier: BSL-1.0
// send_file, writev and try_write.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <coir/coir.hpp>
#include <cstdlib>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;
using coir_test::stream_pair;
using coir_test::tcp_pair;

namespace {

// A file without a name.
class File {
public:
    explicit File(std::string_view content) {
        char name[] = "/tmp/coir-test-XXXXXX";
        fd_.reset(::mkostemp(name, O_CLOEXEC));
        REQUIRE(fd_.get() >= 0);
        ::unlink(name);
        REQUIRE(::write(fd_.get(), content.data(), content.size()) ==
                static_cast<ssize_t>(content.size()));
    }
    int fd() const noexcept { return fd_.get(); }
    off_t position() const noexcept { return ::lseek(fd_.get(), 0, SEEK_CUR); }

private:
    coir::Fd fd_;
};

std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("rule 266: send_file sends a file, in parts and as a whole", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string content = numbers(3'000'000);
        const File file(content);
        auto [client, server] = tcp_pair();
        auto& sender = client;
        auto sending = coir::create_task([&] {
            CHECK(sender.send_file(file.fd()) == content.size());
            sender.write_eof();
        });
        CHECK((server.read_all() == content));
        coir::await(sending);
        CHECK(file.position() == static_cast<off_t>(content.size()));
        // Offset and count; more than there is; nothing; from behind the end.
        CHECK(server.send_file(file.fd(), 10, 20) == 20);
        CHECK(client.read_exactly(20) == content.substr(10, 20));
        CHECK(file.position() == 30);
        CHECK(server.send_file(file.fd(), content.size() - 5, 100) == 5);
        CHECK(client.read_exactly(5) == content.substr(content.size() - 5));
        CHECK(server.send_file(file.fd(), 7, 0) == 0);
        CHECK(file.position() == 7);
        CHECK(server.send_file(file.fd(), content.size() + 1) == 0);
    });
}

TEST_CASE("rule 266: the position is behind what was sent, also after a cancellation", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string content(32 << 20, 'f');
        const File file(content);
        auto [client, server] = tcp_pair();
        auto& sender = client;
        std::size_t transferred = 0;
        auto sending = coir::create_task([&] {
            try {
                sender.send_file(file.fd(), 3);
            } catch (const coir::WriteCancelledError& error) {
                transferred = error.transferred();
                throw;
            }
        });
        server.read_exactly(1000);
        coir::sleep(20ms);
        sending.cancel();
        CHECK_THROWS_AS(coir::await(std::move(sending)), coir::TaskCancelledError);
        CHECK(transferred >= 1000);
        CHECK(file.position() == static_cast<off_t>(3 + transferred));
        // The connection goes on behind it.
        auto rest = coir::create_task([&] {
            sender.write("!");
            sender.write_eof();
        });
        CHECK(server.read_all().size() == transferred - 1000 + 1);
        coir::await(rest);
    });
}

TEST_CASE("rule 266: an error says how much went out, and moves the position", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const File file(std::string(32 << 20, 'f'));
        auto [client, server] = tcp_pair();
        auto& sender = client;
        auto sending = coir::create_task([&] {
            try {
                sender.send_file(file.fd());
                return std::pair<int, std::size_t>{0, 0};
            } catch (const coir::IoError& error) {
                return std::pair{error.code().value(), error.transferred()};
            }
        });
        server.read_exactly(1000);
        server.abort();
        const auto [error, transferred] = coir::await(std::move(sending));
        CHECK((error == ECONNRESET || error == EPIPE));
        CHECK(file.position() == static_cast<off_t>(transferred));
        CHECK(transferred >= 1000);
        // Closed by another task.
        auto [third, fourth] = tcp_pair();
        auto& closed = third;
        auto stuck = coir::create_task(
            [&] { return io_error_of([&] { closed.send_file(file.fd()); }); });
        fourth.read_exactly(1000);
        coir::sleep(5ms);
        third.abort();
        CHECK(coir::await(stuck) == ECANCELED);
    });
}

TEST_CASE("rule 266: without the kernel's help only if allowed", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string content = numbers(500'000);
        const File file(content);
        // Sockets that coir has not made stay in blocking mode.
        auto [a, b] = stream_pair();
        auto& sender = a;
        CHECK(io_error_of([&] {
                  sender.send_file(file.fd(), 0, {}, coir::SendFileFallback::none);
              }) == EOPNOTSUPP);
        auto sending = coir::create_task([&] {
            CHECK(sender.send_file(file.fd(), 100) == content.size() - 100);
            sender.write_eof();
        });
        CHECK((b.read_all() == content.substr(100)));
        coir::await(sending);
        CHECK(file.position() == static_cast<off_t>(content.size()));
        CHECK((::fcntl(a.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
        // One that is O_NONBLOCK needs no fallback.
        auto [client, server] = tcp_pair();
        CHECK(client.send_file(file.fd(), 0, 10, coir::SendFileFallback::none) == 10);
        CHECK(server.read_exactly(10) == content.substr(0, 10));
    });
}

TEST_CASE("rule 266: send_file checks what it is given", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const File file("content");
        auto [client, server] = tcp_pair();
        auto& sender = client;
        CHECK(io_error_of([&] { sender.send_file(-1); }) == EBADF);
        CHECK(io_error_of([&] { sender.send_file(sender.native_handle()); }) == EINVAL);
        CHECK_THROWS_AS(sender.send_file(file.fd(), std::uint64_t{1} << 63), std::invalid_argument);
        CHECK(sender.send_file(file.fd(), 1, ~std::uint64_t{0}) == 6);
        CHECK(server.read_exactly(6) == "ontent");
        sender.write_eof();
        CHECK(io_error_of([&] { sender.send_file(file.fd()); }) == EPIPE);
        sender.close();
        CHECK(io_error_of([&] { sender.send_file(file.fd()); }) == EBADF);
    });
}

TEST_CASE("rule 266: sockets send files, too", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string content = numbers(2'000'000);
        const File file(content);
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        auto socket = coir::Socket::create(AF_INET, SOCK_STREAM);
        socket.connect(listener.address());
        auto stream = listener.accept();
        auto sending = coir::create_task([&] {
            CHECK(socket.sendfile(file.fd(), 5, 1'500'000, coir::SendFileFallback::none) ==
                  1'500'000);
            socket.shutdown(SHUT_WR);
        });
        CHECK((stream.read_all() == content.substr(5, 1'500'000)));
        coir::await(sending);
        CHECK(file.position() == 1'500'005);
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        coir::Socket foreign{coir::Fd(ends[0])};
        coir::Stream peer{coir::Fd(ends[1])};
        auto copying = coir::create_task([&] { return foreign.sendfile(file.fd()); });
        CHECK((peer.read_exactly(content.size()) == content));
        CHECK(coir::await(copying) == content.size());
    });
}

TEST_CASE("D24, B72: the pieces of a writev go out together", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto& one = a;
        const std::vector<std::string> lines = {"first\n", "", "second\n", std::string(300'000, 'x')};
        auto writing = coir::create_task([&] {
            one.writev("head", std::string(" and "), std::vector<char>{'b', 'o', 'd', 'y'}, ".");
            one.writev(lines);
            one.writelines(std::list<std::string_view>{"last", "."});
            one.writev(std::vector<std::string>(1000, "ab"));
            one.writev(std::vector<std::string>{});
            one.writev("", "");
            one.write_eof();
        });
        auto other = coir::create_task([&] { one.write("|"); });
        std::string got = b.read_all();
        std::string expected = "head and body.first\nsecond\n" + lines[3] + "last.";
        // Another task's bytes come between calls, not between the pieces of one.
        const std::size_t at = got.find('|');
        CHECK((at == 14 || at == expected.size() - 5 || at == expected.size()));
        for (int i = 0; i < 1000; ++i) expected += "ab";
        got.erase(at, 1);
        CHECK((got == expected));
        coir::await(writing);
        coir::await(other);
        CHECK(io_error_of([&] { one.writev("a", "b"); }) == EPIPE);
    });
}

TEST_CASE("D24: a cancelled writev says how much went out", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = stream_pair();
        auto& one = a;
        const std::string piece = numbers(1 << 20);
        std::size_t transferred = 0;
        auto writing = coir::create_task([&] {
            try {
                one.writev(piece, piece, piece);
            } catch (const coir::WriteCancelledError& error) {
                transferred = error.transferred();
                throw;
            }
        });
        coir::sleep(2ms);
        writing.cancel();
        CHECK_THROWS_AS(coir::await(writing), coir::TaskCancelledError);
        REQUIRE(transferred > 0);
        a.write_eof();
        CHECK((b.read_all() == (piece + piece + piece).substr(0, transferred)));
    });
}

TEST_CASE("rule 348: try_write never queues", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = tcp_pair();
        auto& one = a;
        CHECK(one.try_write("now") == 3);
        CHECK(b.read(8) == "now");
        CHECK(one.try_write("") == 0);
        const std::string data(1 << 20, 'x');
        std::size_t total = 0;
        for (std::size_t count = 1; count > 0;) {
            count = one.try_write(data);
            total += count;
        }
        CHECK(total > 0);
        // A task that writes has the turn, even when there is room.
        const std::string more(16 << 20, 'y');
        auto writing = coir::create_task([&] { one.write(more); });
        coir::yield_now();
        CHECK_FALSE(writing.done());
        CHECK(b.read_exactly(total).size() == total);
        CHECK(one.try_write("between") == 0);
        CHECK((b.read_exactly(more.size()) == more));
        coir::await(writing);
        CHECK(one.try_write("after") == 5);
        CHECK(b.read_exactly(5) == "after");
        b.abort();
        coir::wait_fd(one.native_handle(), POLLIN);
        CHECK(io_error_of([&] { static_cast<void>(one.try_write("x")); }) != 0);
        one.close();
        CHECK(io_error_of([&] { static_cast<void>(one.try_write("x")); }) == EBADF);
    });
}
