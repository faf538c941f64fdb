// SPDX-License-Identifier: BSL-1.0
// add_reader and add_writer: semantics.md §2.22, and its part of §2.1 and §2.29.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/own_reactor.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <cerrno>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

// A pair of connected sockets, or a pipe: [0] is read, and for sockets written, too.
struct Pair {
    explicit Pair(bool sockets = true) {
        const int error = sockets ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
                                  : ::pipe2(fds, O_CLOEXEC);
        REQUIRE(error == 0);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        ::close(fds[0]);
        ::close(fds[1]);
    }
    int near() const { return fds[0]; }
    void send(char c = 'x') { REQUIRE(::write(fds[1], &c, 1) == 1); }
    char take() {
        char c = 0;
        REQUIRE(::read(fds[0], &c, 1) == 1);
        return c;
    }
    int fds[2];
};

// Until `done`, but not for ever. By yielding: while a descriptor is ready, a virtual clock stands.
template <class F>
void wait_for_it(F&& done) {
    for (int i = 0; i < 1'000'000 && !done(); ++i) coir::yield_now();
    CHECK(done());
}
// Some turns, in which what should not happen would.
void a_while() {
    for (int i = 0; i < 2000; ++i) coir::yield_now();
}

}  // namespace

TEST_CASE("rule 258: a second reader replaces the first; reader and writer coexist", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        std::string got;
        auto token = std::make_shared<int>(1);
        loop.add_reader(pair.near(), [&, token] { got += '1', pair.take(); });
        int writable = 0;
        loop.add_writer(pair.near(), [&] {
            ++writable;
            if (writable == 3) CHECK(loop.remove_writer(pair.near()));
        });
        loop.add_reader(pair.near(), [&] { got += '2', pair.take(); });
        CHECK(token.use_count() == 1);  // the first callback is gone
        pair.send();
        wait_for_it([&] { return got == "2" && writable == 3; });
        // Also from inside a callback, and when the event has come already.
        pair.send();
        pair.send();
        loop.add_reader(pair.near(), [&] {
            got += pair.take() == 'x' ? '3' : '?';
            loop.add_reader(pair.near(), [&] { got += '4', pair.take(); });
        });
        wait_for_it([&] { return got == "234"; });
        a_while();
        CHECK(got == "234");
        CHECK(writable == 3);
        CHECK(loop.remove_reader(pair.near()));
    });
}

TEST_CASE("rule 259: remove says whether there was one; the other direction stays", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        int written = 0;
        int read = 0;
        CHECK_FALSE(loop.remove_reader(pair.near()));
        CHECK_FALSE(loop.remove_writer(pair.near()));
        CHECK_FALSE(loop.remove_writer(1'000'000));
        CHECK_THROWS_AS(loop.remove_reader(-1), std::invalid_argument);
        loop.add_reader(pair.near(), [&] { ++read, pair.take(); });
        CHECK_FALSE(loop.remove_writer(pair.near()));
        loop.add_writer(pair.near(), [&] { ++written; });
        CHECK(loop.remove_writer(pair.near()));
        CHECK_FALSE(loop.remove_writer(pair.near()));
        pair.send();
        wait_for_it([&] { return read == 1; });
        CHECK(written == 0);
        loop.add_writer(pair.near(), [&] { ++written; });
        CHECK(loop.remove_reader(pair.near()));
        CHECK_FALSE(loop.remove_reader(pair.near()));
        pair.send();
        wait_for_it([&] { return written > 1; });
        CHECK(read == 1);
        CHECK(loop.remove_writer(pair.near()));
        // What remains is the program's.
        CHECK(pair.take() == 'x');
    });
}

TEST_CASE("rule 260, 343: what is removed in the turn of its event is not called", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair one;
        Pair two;
        int calls = 0;
        auto only_one = [&](Pair& self, Pair& other) {
            ++calls;
            CHECK(self.take() == 'x');
            CHECK(loop.remove_reader(self.near()));
            CHECK(loop.remove_reader(other.near()));
        };
        loop.add_reader(one.near(), [&] { only_one(one, two); });
        loop.add_reader(two.near(), [&] { only_one(two, one); });
        one.send();
        two.send();
        wait_for_it([&] { return calls == 1; });
        a_while();
        CHECK(calls == 1);
        CHECK_FALSE(loop.remove_reader(one.near()));
        CHECK_FALSE(loop.remove_reader(two.near()));
        // And the descriptor can be watched anew at once.
        loop.add_reader(one.near(), [&] { calls += 10, one.take(); });
        one.send();
        wait_for_it([&] { return calls >= 11; });
        CHECK(loop.remove_reader(one.near()));
    });
}

TEST_CASE("rule 343: an event of a descriptor that coir closes in the same turn is dropped", "[fd]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair trigger;
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const coir::Fd writing(ends[1]);
        coir::Fd reading(ends[0]);
        int trigger_calls = 0;
        int closed_calls = 0;
        // Whichever of the two comes first, the other one's event has come in the same turn.
        loop.add_reader(trigger.near(), [&] {
            ++trigger_calls;
            trigger.take();
            reading = coir::Fd();
        });
        loop.add_reader(ends[0], [&] {
            ++closed_calls;
            CHECK(static_cast<bool>(reading));
            char c;
            CHECK(::read(ends[0], &c, 1) == 1);
        });
        REQUIRE(::write(writing.get(), "a", 1) == 1);
        trigger.send();
        wait_for_it([&] { return trigger_calls == 1; });
        a_while();
        CHECK(closed_calls <= 1);
        CHECK_FALSE(loop.remove_reader(ends[0]));  // the close has removed it
        // The number means something else now, and starts afresh.
        int again[2];
        REQUIRE(::pipe2(again, O_CLOEXEC) == 0);
        const coir::Fd first(again[0]);
        const coir::Fd second(again[1]);
        int calls = 0;
        loop.add_reader(again[0], [&] {
            ++calls;
            char c;
            CHECK(::read(again[0], &c, 1) == 1);
        });
        a_while();
        CHECK(calls == 0);
        REQUIRE(::write(again[1], "a", 1) == 1);
        wait_for_it([&] { return calls == 1; });
        loop.remove_reader(trigger.near());
    });
}

TEST_CASE("rule 261: the descriptor of a live stream, socket or listener is refused", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        auto refused = [&](int fd) {
            CHECK_THROWS_AS(loop.add_reader(fd, [] {}), std::logic_error);
            CHECK_THROWS_AS(loop.add_writer(fd, [] {}), std::logic_error);
        };
        int fd = -1;
        {
            auto [near, far] = coir_test::stream_pair();
            fd = near.native_handle();
            refused(fd);
            refused(far.native_handle());
            auto listener = coir::Listener::listen("127.0.0.1", 0);
            refused(listener.native_handle());
        }
        // The number is free again.
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        loop.add_reader(ends[0], [] {});
        CHECK(loop.remove_reader(ends[0]));
        ::close(ends[0]);
        ::close(ends[1]);
        // What is given away is nobody's either.
        int sockets[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
        const coir::Fd other(sockets[1]);
        coir::Socket socket{coir::Fd(sockets[0])};
        refused(sockets[0]);
        const coir::Fd taken = socket.release();
        loop.add_writer(taken.get(), [] {});
        CHECK(loop.remove_writer(taken.get()));
    });
}

TEST_CASE("rule 355: watches are level triggered, also on pipes, eventfds and nested epolls", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair(false);
        int seen = 0;
        std::string got;
        for (char c : {'a', 'b', 'c'}) pair.send(c);
        loop.add_reader(pair.near(), [&] {
            // Every second time nothing is read: it comes up again.
            if (++seen % 2 == 0) got += pair.take();
        });
        wait_for_it([&] { return got == "abc"; });
        CHECK(seen == 6);
        CHECK(loop.remove_reader(pair.near()));

        const coir::Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        const coir::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
        epoll_event interest{};
        interest.events = EPOLLIN;
        REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &interest) == 0);
        int nested = 0;
        loop.add_reader(epoll.get(), [&] {
            ++nested;
            eventfd_t count;
            CHECK(::eventfd_read(event.get(), &count) == 0);
        });
        REQUIRE(::eventfd_write(event.get(), 1) == 0);
        wait_for_it([&] { return nested == 1; });
        a_while();
        CHECK(nested == 1);
        REQUIRE(::eventfd_write(event.get(), 1) == 0);
        wait_for_it([&] { return nested == 2; });
        CHECK(loop.remove_reader(epoll.get()));
    });
}

TEST_CASE("rule 355, B67: a descriptor that cannot be polled, or is not open, is rejected", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        auto error_of = [&](int fd) {
            const int reader = coir_test::io_error_of([&] { loop.add_reader(fd, [] {}); });
            CHECK(coir_test::io_error_of([&] { loop.add_writer(fd, [] {}); }) == reader);
            CHECK_FALSE(loop.remove_reader(fd));
            return reader;
        };
        const coir::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
        const coir::Fd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const coir::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        CHECK(error_of(file.get()) == EPERM);
        CHECK(error_of(folder.get()) == EPERM);
        CHECK(error_of(null.get()) == EPERM);
        CHECK(error_of(19'999) == EBADF);
        CHECK_THROWS_AS(loop.add_reader(-1, [] {}), std::invalid_argument);
        CHECK_THROWS_AS(loop.add_writer(0, std::function<void()>()), std::invalid_argument);
        void (*nothing)() = nullptr;
        CHECK_THROWS_AS(loop.add_reader(0, nothing), std::invalid_argument);
    });
}

TEST_CASE("rule 21: a closed loop has no readers and takes none", "[fd]") {
    auto token = std::make_shared<int>(1);
    Pair pair;
    Pair other;
    coir::EventLoop loop(coir_test::options());
    // Before the first run as well as in it; ready, waiting, and queued when the loop stops.
    loop.add_reader(pair.near(), [token] { FAIL("nobody runs this loop"); });
    loop.add_writer(pair.near(), [token, &loop] { loop.stop(); });
    CHECK(loop.remove_reader(pair.near()));
    loop.add_reader(other.near(), [token] {});
    loop.run_forever();
    CHECK(token.use_count() == 3);
    loop.close();
    CHECK(token.use_count() == 1);
    CHECK_FALSE(loop.remove_reader(other.near()));
    CHECK_FALSE(loop.remove_writer(pair.near()));
    CHECK_THROWS_AS(loop.add_reader(pair.near(), [] {}), std::logic_error);
    CHECK_THROWS_AS(loop.add_writer(pair.near(), [] {}), std::logic_error);
}

TEST_CASE("rule 18: a reader's event is not delivered twice across stop and restart", "[fd]") {
    Pair pair;
    coir::EventLoop loop(coir_test::options());
    std::string got;
    loop.add_reader(pair.near(), [&] {
        got += pair.take();
        loop.stop();
    });
    for (char c : {'a', 'b', 'c'}) {
        pair.send(c);
        loop.run_forever();
        CHECK(got.back() == c);
    }
    CHECK(got == "abc");
    while (loop.run_once(coir::RunMode::no_wait)) {
    }
    CHECK(got == "abc");
}

TEST_CASE("a reader that throws is reported, and goes on", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        int reports = 0;
        loop.set_exception_handler([&](const coir::ExceptionContext& context) {
            ++reports;
            CHECK(context.exception);
        });
        Pair pair;
        std::string got;
        loop.add_reader(pair.near(), [&] {
            got += pair.take();
            throw std::runtime_error("no");
        });
        pair.send('a');
        wait_for_it([&] { return got == "a"; });
        pair.send('b');
        wait_for_it([&] { return got == "ab"; });
        CHECK(reports == 2);
        loop.remove_reader(pair.near());
        loop.set_exception_handler({});
    });
}

TEST_CASE("a reader sees the end of the data, and a writer that nobody reads", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        bool ended = false;
        loop.add_reader(ends[0], [&] {
            char c;
            ended = ::read(ends[0], &c, 1) == 0;
            loop.remove_reader(ends[0]);
        });
        a_while();
        CHECK_FALSE(ended);
        ::close(ends[1]);
        wait_for_it([&] { return ended; });
        ::close(ends[0]);

        REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        char block[4096] = {};
        while (::write(ends[1], block, sizeof block) > 0) {
        }
        int writable = 0;
        loop.add_writer(ends[1], [&] {
            ++writable;
            loop.remove_writer(ends[1]);
        });
        a_while();
        CHECK(writable == 0);
        ::close(ends[0]);  // an error, for who writes
        wait_for_it([&] { return writable == 1; });
        ::close(ends[1]);
    });
}

TEST_CASE("readers and tasks may wait for one descriptor together", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        int seen = 0;
        loop.add_reader(pair.near(), [&] { ++seen; });
        auto task = coir::create_task([&] {
            coir::wait_readable(pair.near());
            return pair.take();
        });
        auto cancelled = coir::create_task([&] { coir::wait_fd(pair.near(), POLLPRI); });
        coir::yield_now();
        cancelled.cancel();
        pair.send('t');
        CHECK(coir::await(task) == 't');
        CHECK_THROWS_AS(coir::await(cancelled), coir::TaskCancelledError);
        wait_for_it([&] { return seen > 0; });
        CHECK(loop.remove_reader(pair.near()));
    });
}

TEST_CASE("a callback may suspend nothing, and make tasks", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        bool refused = false;
        bool done = false;
        loop.add_reader(pair.near(), [&] {
            CHECK_FALSE(coir::current_task());
            try {
                coir::sleep(1ms);
            } catch (const std::logic_error&) {
                refused = true;
            }
            loop.remove_reader(pair.near());
            coir::spawn_detached([&] {
                coir::wait_readable(pair.near());
                done = pair.take() == 'x';
            });
        });
        pair.send();
        wait_for_it([&] { return done; });
        CHECK(refused);
    });
}

TEST_CASE("D20: readers from another thread are refused", "[fd]") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        Pair pair;
        loop.add_reader(pair.near(), [] {});
        int refusals = 0;
        std::thread([&] {
            auto refused = [&](auto&& call) {
                try {
                    call();
                } catch (const coir::WrongThreadError&) {
                    ++refusals;
                }
            };
            refused([&] { loop.add_reader(pair.near(), [] {}); });
            refused([&] { loop.add_writer(pair.near(), [] {}); });
            refused([&] { loop.remove_reader(pair.near()); });
            refused([&] { loop.add_idle_hook([] {}); });
            refused([&] { loop.remove_hook(1); });
        }).join();
        CHECK(refusals == 5);
        CHECK(loop.remove_reader(pair.near()));
    });
}

TEST_CASE("a thousand watches on random descriptors come and go", "[fd]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        std::vector<std::unique_ptr<Pair>> pairs;
        for (int i = 0; i < 50; ++i) pairs.push_back(std::make_unique<Pair>());
        unsigned state = 12345;
        auto random = [&state](unsigned below) {
            state = state * 1664525u + 1013904223u;
            return (state >> 16) % below;
        };
        std::vector<int> expected(pairs.size());
        std::vector<int> got(pairs.size());
        std::vector<bool> watched(pairs.size());
        for (int step = 0; step < 1000; ++step) {
            const unsigned at = random(static_cast<unsigned>(pairs.size()));
            Pair& pair = *pairs[at];
            switch (random(4)) {
                case 0:
                    loop.add_reader(pair.near(), [&, at] { ++got[at], pairs[at]->take(); });
                    watched[at] = true;
                    break;
                case 1:
                    CHECK(loop.remove_reader(pair.near()) == watched[at]);
                    watched[at] = false;
                    break;
                default:
                    pair.send();
                    ++expected[at];
            }
            if (random(3) == 0) coir::yield_now();
            if (random(20) == 0) coir::sleep(100us);
        }
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            loop.add_reader(pairs[i]->near(), [&, i] { ++got[i], pairs[i]->take(); });
        }
        wait_for_it([&] { return got == expected; });
        // Some are left to the loop's end.
        for (std::size_t i = 0; i < pairs.size(); i += 2) CHECK(loop.remove_reader(pairs[i]->near()));
        // The callbacks refer to what ends with this task.
        for (std::size_t i = 1; i < pairs.size(); i += 2) CHECK(loop.remove_reader(pairs[i]->near()));
    });
}
