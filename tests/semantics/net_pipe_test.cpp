// SPDX-License-Identifier: BSL-1.0
// Pipe: pipes, FIFOs, terminals, and whatever else standard input may be.
#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;

namespace {

struct Ends {
    coir::Pipe reader;
    coir::Pipe writer;
};

Ends make_pipe(coir::StreamOptions options = {}) {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    coir::Fd a(fds[0]);
    coir::Fd b(fds[1]);
    coir::Pipe reader(std::move(a), options);
    return {std::move(reader), coir::Pipe(std::move(b), options)};
}

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

// SIGPIPE as it comes to most programs: it kills.
class DeadlySigpipe {
public:
    DeadlySigpipe() : before_(::signal(SIGPIPE, SIG_DFL)) {}
    DeadlySigpipe(const DeadlySigpipe&) = delete;
    DeadlySigpipe& operator=(const DeadlySigpipe&) = delete;
    ~DeadlySigpipe() { ::signal(SIGPIPE, before_); }

private:
    void (*before_)(int);
};

struct Terminal {
    coir::Fd master;
    coir::Fd slave;
};

Terminal open_terminal() {
    int master = -1;
    int slave = -1;
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    ::fcntl(slave, F_SETFD, FD_CLOEXEC);
    termios settings{};
    REQUIRE(::tcgetattr(slave, &settings) == 0);
    settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    REQUIRE(::tcsetattr(slave, TCSANOW, &settings) == 0);
    return {coir::Fd(master), coir::Fd(slave)};
}

}  // namespace

TEST_CASE("rule 296: a pipe carries bytes and its end", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [reader, writer] = make_pipe();
        auto& in = reader;
        auto reading = coir::create_task([&] { return in.readline(); });
        coir::yield_now();
        CHECK_FALSE(reading.done());
        writer.write("one\ntwo\nrest");
        CHECK(coir::await(std::move(reading)) == "one\n");
        CHECK(reader.read_until("\n") == "two\n");
        CHECK(reader.read_exactly(2) == "re");
        CHECK_FALSE(is_nonblocking(reader.native_handle()));
        CHECK_FALSE(is_nonblocking(writer.native_handle()));
        writer.close();
        CHECK(reader.read_all() == "st");
        CHECK(reader.at_eof());
        CHECK(reader.readline() == std::nullopt);
    });
}

TEST_CASE("rule 296, D24, B39: writing to a full pipe waits until everything is in it", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [reader, writer] = make_pipe();
        std::string data;
        for (int i = 0; data.size() < (1 << 20); ++i) data += std::to_string(i) + ' ';
        auto& out = writer;
        auto writing = coir::create_task([&] {
            out.writev(std::string_view(data).substr(0, 100'001), "",
                       std::string_view(data).substr(100'001));
            out.close();
        });
        coir::sleep(1ms);
        CHECK_FALSE(writing.done());
        CHECK((reader.read_all() == data));
        coir::await(writing);
    });
}

TEST_CASE("rule 296: the reader's end tells the writer, also one that waits, without a signal",
          "[net]") {
    coir_test::FdCount fds;
    const DeadlySigpipe deadly;
    run_in_loop([] {
        auto [reader, writer] = make_pipe();
        auto& out = writer;
        auto writing = coir::create_task([&] {
            const std::string data(1 << 20, 'x');
            try {
                out.write(data);
                return std::size_t{0};
            } catch (const coir::IoError& error) {
                CHECK(error.code().value() == EPIPE);
                return error.transferred();
            }
        });
        coir::sleep(1ms);
        CHECK_FALSE(writing.done());
        reader.close();
        const std::size_t transferred = coir::await(std::move(writing));
        CHECK(transferred > 0);
        CHECK(transferred < (1 << 20));
        CHECK(io_error_of([&] { out.write("more"); }) == EPIPE);
        CHECK(io_error_of([&] { out.writev("and", "more"); }) == EPIPE);
        CHECK(io_error_of([&] { static_cast<void>(out.try_write("more")); }) == EPIPE);
        sigset_t pending;
        ::sigpending(&pending);
        CHECK(::sigismember(&pending, SIGPIPE) == 0);
    });
}

TEST_CASE("rule 296: closing and aborting a pipe ends what waits on it", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        for (const bool aborted : {false, true}) {
            auto [reader, writer] = make_pipe();
            auto& in = reader;
            auto reading = coir::create_task([&] { return io_error_of([&] { in.read(4); }); });
            coir::yield_now();
            if (aborted) {
                reader.abort();
            } else {
                reader.close();
            }
            CHECK(coir::await(reading) == ECANCELED);
            CHECK_FALSE(reader.is_open());
            CHECK(io_error_of([&] { in.read(4); }) == EBADF);
            CHECK(io_error_of([&out = writer] { out.write("x"); }) == EPIPE);
            reader.close();
        }
        // close() lets a writer finish, abort() does not.
        auto [reader, writer] = make_pipe();
        auto& in = reader;
        auto& out = writer;
        const std::string data(200'000, 'd');
        auto writing = coir::create_task([&] { out.write(data); });
        coir::yield_now();
        auto closing = coir::create_task([&] { out.close(); });
        CHECK(in.read_all() == data);
        coir::await(writing);
        coir::await(closing);
        auto [reader2, writer2] = make_pipe();
        auto& out2 = writer2;
        auto stuck = coir::create_task([&] { return io_error_of([&] { out2.write(data); }); });
        coir::sleep(1ms);
        writer2.abort();
        CHECK(coir::await(stuck) == ECANCELED);
        CHECK(reader2.read_all().size() == 65536);
    });
}

TEST_CASE("rule 296, D3: cancelled reads and writes of a pipe lose nothing", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [reader, writer] = make_pipe();
        auto& in = reader;
        auto& out = writer;
        auto reading = coir::create_task([&] { return in.read_exactly(4); });
        coir::yield_now();
        writer.write("ab");
        coir::sleep(1ms);
        reading.cancel();
        CHECK_THROWS_AS(coir::await(std::move(reading)), coir::TaskCancelledError);
        writer.write("cd");
        CHECK(reader.read_exactly(4) == "abcd");
        std::size_t transferred = 0;
        auto writing = coir::create_task([&] {
            try {
                out.write(std::string(1 << 20, 'w'));
            } catch (const coir::WriteCancelledError& error) {
                transferred = error.transferred();
                throw;
            }
        });
        coir::sleep(1ms);
        writing.cancel();
        CHECK_THROWS_AS(coir::await(writing), coir::TaskCancelledError);
        CHECK(transferred > 0);
        writer.close();
        CHECK(reader.read_all().size() == transferred);
    });
}

TEST_CASE("pipe: try_write never queues", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [reader, writer] = make_pipe();
        const std::string data(1 << 20, 'x');
        const std::size_t first = writer.try_write(data);
        CHECK(first == 65536);
        CHECK(writer.try_write(data) == 0);
        CHECK(reader.read_exactly(first).size() == first);
        CHECK(writer.try_write("more") == 4);
        CHECK(reader.read(8) == "more");
    });
}

TEST_CASE("rule 296: a FIFO", "[net]") {
    coir_test::SocketFolder folder;
    coir_test::FdCount fds;
    REQUIRE(::mkfifo(folder.path().c_str(), 0600) == 0);
    run_in_loop([&] {
        coir::Pipe reader(coir::Fd(::open(folder.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
        coir::Pipe writer(coir::Fd(::open(folder.path().c_str(), O_WRONLY | O_CLOEXEC)));
        writer.write("by name\n");
        CHECK(reader.readline() == "by name\n");
        auto& in = reader;
        auto reading = coir::create_task([&] { return in.read_all(); });
        coir::yield_now();
        writer.close();
        CHECK(coir::await(reading).empty());
    });
}

TEST_CASE("rule 296: a terminal in blocking mode is read and written without O_NONBLOCK", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        Terminal terminal = open_terminal();
        coir::Pipe user(std::move(terminal.master));
        coir::Pipe program = coir::Pipe::duplicate(terminal.slave.get());
        auto& in = program;
        auto reading = coir::create_task([&] { return in.readline(); });
        coir::sleep(1ms);
        CHECK_FALSE(reading.done());
        user.write("typed\n");
        CHECK(coir::wait_for(reading, 5s) == "typed\n");
        // More than a terminal holds: the writer waits for the user to read.
        const std::string data(200'000, 'p');
        auto writing = coir::create_task([&] { in.write(data); });
        std::string shown;
        while (shown.size() < data.size()) shown += user.read(4096);
        coir::wait_for(writing, 5s);
        CHECK((shown == data));
        CHECK_FALSE(is_nonblocking(terminal.slave.get()));
        CHECK_FALSE(is_nonblocking(user.native_handle()));
        // Nobody has the program's side open: that is the end for the user.
        program.close();
        CHECK_FALSE(program.is_open());
        terminal.slave.reset();
        CHECK(user.read(16).empty());
        CHECK(user.at_eof());
    });
}

TEST_CASE("rule 296: reading a terminal can be cancelled", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        Terminal terminal = open_terminal();
        coir::Pipe program(std::move(terminal.slave));
        auto& in = program;
        for (int i = 0; i < 3; ++i) {
            auto reading = coir::create_task([&] { in.read(16); });
            coir::sleep(1ms);
            reading.cancel();
            CHECK_THROWS_AS(coir::await(reading), coir::TaskCancelledError);
        }
        REQUIRE(::write(terminal.master.get(), "line\n", 5) == 5);
        CHECK(coir::with_timeout(5s, [&] { return in.readline(); }) == "line\n");
        // A line that the user has not ended is not there yet.
        REQUIRE(::write(terminal.master.get(), "half", 4) == 4);
        CHECK_THROWS_AS(coir::with_timeout(2ms, [&] { in.read(16); }), coir::TimeoutError);
    });
}

TEST_CASE("pipe: regular files, devices and sockets, as standard input may be", "[net]") {
    coir_test::SocketFolder folder;
    coir_test::FdCount fds;
    run_in_loop([&] {
        {
            coir::Pipe out(coir::Fd(
                ::open(folder.path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_TRUNC, 0600)));
            out.write("first\n");
            out.writev("second", "\n");
            CHECK(io_error_of([&] { static_cast<void>(out.try_write("x")); }) == EOPNOTSUPP);
            out.close();
        }
        coir::Pipe in(coir::Fd(::open(folder.path().c_str(), O_RDONLY | O_CLOEXEC)));
        CHECK(in.readline() == "first\n");
        CHECK(in.read_all() == "second\n");
        coir::Pipe nothing(coir::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
        nothing.write("away");
        CHECK(nothing.read(4).empty());
        coir::Pipe zero(coir::Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)));
        CHECK(zero.read_exactly(3) == std::string(3, '\0'));
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        coir::Pipe one{coir::Fd(ends[0])};
        coir::Fd two(ends[1]);
        one.write("socket");
        coir::Pipe copy = coir::Pipe::duplicate(two.get());
        CHECK(copy.read(16) == "socket");
        copy.close();  // of the duplicate: the socket is not shut down
        REQUIRE(::write(two.get(), "alive", 5) == 5);
        CHECK(one.read(16) == "alive");
    });
}

TEST_CASE("pipe: what cannot be one is refused", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        CHECK(io_error_of([] { coir::Pipe pipe{coir::Fd()}; }) == EBADF);
        CHECK(io_error_of([] { static_cast<void>(coir::Pipe::duplicate(-1)); }) == EBADF);
        CHECK(io_error_of([] {
                  coir::Pipe pipe{coir::Fd(::open("/", O_RDONLY | O_CLOEXEC))};
              }) == EISDIR);
        CHECK(io_error_of([] {
                  coir::Pipe pipe{coir::Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))};
              }) == EPROTOTYPE);
        CHECK_THROWS_AS(make_pipe({.limit = 0}), std::invalid_argument);
        coir::Pipe empty;
        CHECK_FALSE(empty.is_open());
        CHECK(io_error_of([&] { empty.read(1); }) == EBADF);
        empty.close();
        empty.abort();
        auto [reader, writer] = make_pipe();
        CHECK(io_error_of([&, &w = writer] { w.read(1); }) == EBADF);
        CHECK(io_error_of([&, &r = reader] { r.write("x"); }) == EBADF);
    });
    CHECK_THROWS_AS(coir::Pipe(coir::Fd(::open("/dev/null", O_RDONLY))), std::logic_error);
}
