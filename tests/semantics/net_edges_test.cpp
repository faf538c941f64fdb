// SPDX-License-Identifier: BSL-1.0
// Where the network's rules meet: second addresses, cancellations that are taken back, signals,
// closing across tasks.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;
using coir_test::tcp_pair;

namespace {

// Fills the queue of a listener with a backlog of 0, so that it answers no more.
std::vector<coir::Fd> fill_queue(const coir::Address& to) {
    std::vector<coir::Fd> fillers;
    for (int i = 0; i < 4; ++i) {
        fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        static_cast<void>(::connect(fillers.back().get(), to.data(), to.size()));
    }
    return fillers;
}

}  // namespace

TEST_CASE("rule 301: a first address that refuses or is silent, a second one that answers", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto good = coir::Listener::listen("127.0.0.2", 0);
        const coir::Address refuses("127.0.0.1", good.port());
        auto stream = coir::open_connection({refuses, good.address()});
        CHECK(stream.peer_name() == good.address().to_string());
        auto silent = coir::Listener::listen("127.0.0.1", 0, {.backlog = 0});
        const auto fillers = fill_queue(silent.address());
        auto& loop = coir::get_running_loop();
        const auto before = loop.time();
        stream = coir::open_connection({silent.address(), good.address()},
                                       {.happy_eyeballs_delay = 30ms});
        CHECK(stream.peer_name() == good.address().to_string());
        CHECK(loop.time() - before >= 30ms);
        auto six = coir::Listener::listen("::1", 0);
        const coir::Address four("127.0.0.1", six.port());
        stream = coir::open_connection({four, six.address()});
        CHECK(stream.peer_name() == six.address().to_string());
    });
}

TEST_CASE("rule 265: a connect whose cancellation is taken back goes on", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto listener = coir::Listener::listen("127.0.0.1", 0, {.backlog = 0});
        auto fillers = fill_queue(listener.address());
        auto socket = coir::Socket::create(AF_INET, SOCK_STREAM);
        auto connecting = coir::create_task([&] { socket.connect(listener.address()); });
        auto stream = coir::create_task([&] { return coir::open_connection(listener.address()); });
        coir::sleep(5ms);
        for (int i = 0; i < 3; ++i) {
            connecting.cancel();
            stream.cancel();
            connecting.uncancel();
            stream.uncancel();
            coir::sleep(1ms);
        }
        CHECK_FALSE(connecting.done());
        CHECK_FALSE(stream.done());
        fillers.clear();
        // The kernel asks again after a second.
        auto accepting = coir::create_task([&] {
            for (;;) static_cast<void>(listener.accept());
        });
        coir::await(connecting);
        CHECK(coir::await(std::move(stream)).is_open());
        CHECK(socket.peer_address() == listener.address());
        accepting.cancel();
        CHECK_THROWS_AS(coir::await(accepting), coir::TaskCancelledError);
    });
}

TEST_CASE("rule 263: MSG_WAITALL waits for the whole buffer", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = tcp_pair();
        coir::Socket socket{coir::Fd(::dup(b.native_handle()))};
        std::array<char, 8> buffer;
        auto receiving = coir::create_task([&] { return socket.recv(buffer, MSG_WAITALL); });
        a.write("1234");
        coir::sleep(2ms);
        CHECK_FALSE(receiving.done());
        a.write("5678rest");
        CHECK(coir::await(receiving) == 8);
        CHECK(std::string_view(buffer.data(), 8) == "12345678");
        // What has come is the result when the wait is cancelled, and the request stays.
        std::size_t got = 0;
        auto cut_short = coir::create_task([&] {
            got = socket.recv(buffer, MSG_WAITALL);
            coir::checkpoint();
        });
        coir::sleep(2ms);
        cut_short.cancel();
        CHECK_THROWS_AS(coir::await(cut_short), coir::TaskCancelledError);
        CHECK(got == 4);
        a.write("end");
        a.write_eof();
        CHECK(socket.recv(buffer, MSG_WAITALL) == 3);
        CHECK(socket.recv(buffer, MSG_WAITALL) == 0);
    });
}

TEST_CASE("rule 307: close_clients ends connections in order, abort_clients at once", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        int error = 0;
        std::size_t ended = 0;
        auto server = coir::start_server(
            [&](coir::Stream& s) {
                s.write("hello");
                while (!s.read(64).empty()) {}
                ++ended;
            },
            "127.0.0.1", 0);
        auto first = coir::open_connection("127.0.0.1", server.port());
        auto second = coir::open_connection("127.0.0.1", server.port());
        CHECK(first.read_exactly(4) == "hell");
        CHECK(second.read_exactly(4) == "hell");
        server.close_clients();
        CHECK(first.read_all() == "o");
        CHECK(second.read_all() == "o");
        first.close();
        second.close();
        while (server.connections() > 0) coir::sleep(1ms);
        CHECK(ended == 2);
        CHECK(server.is_serving());
        // Also with full buffers.
        auto stuck = coir::start_server(
            [&](coir::Stream& s) {
                const std::string data(64 << 20, 'x');
                error = io_error_of([&] { s.write(data); });
            },
            "127.0.0.1", 0);
        for (const bool abort : {false, true}) {
            auto client = coir::open_connection("127.0.0.1", stuck.port());
            client.read_exactly(1);
            coir::sleep(5ms);
            CHECK(stuck.connections() == 1);
            if (abort) {
                stuck.abort_clients();
            } else {
                stuck.close_clients();
            }
            while (stuck.connections() > 0) coir::sleep(1ms);
            CHECK(error == (abort ? ECANCELED : EPIPE));
            const int end = io_error_of([&] { client.read_all(); });
            CHECK(end == (abort ? ECONNRESET : 0));
        }
        server.close();
        stuck.close();
        stuck.wait_closed();
    });
}

TEST_CASE("rule 343: a task that closes another one's stream in the same turn", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        for (int round = 0; round < 20; ++round) {
            auto [a, a_peer] = coir_test::stream_pair();
            auto [b, b_peer] = coir_test::stream_pair();
            auto& one = a;
            auto& two = b;
            std::string got_one;
            std::string got_two;
            // Both have something to read; whoever comes first closes the other.
            auto reader = [](coir::Stream& own, coir::Stream& other, std::string& got) {
                const int error = io_error_of([&] { got = own.read(16); });
                if (error == 0) other.abort();
                return error;
            };
            auto first = coir::create_task([&] { return reader(one, two, got_one); });
            auto second = coir::create_task([&] { return reader(two, one, got_two); });
            coir::yield_now();
            a_peer.write("a");
            b_peer.write("b");
            const int error_one = coir::await(first);
            const int error_two = coir::await(second);
            CHECK((error_one == 0 || error_two == 0));
            CHECK((error_one == 0 || error_one == ECANCELED || error_one == EBADF));
            CHECK((error_two == 0 || error_two == ECANCELED || error_two == EBADF));
            CHECK(got_one == (error_one == 0 ? "a" : ""));
            CHECK(got_two == (error_two == 0 ? "b" : ""));
        }
    });
}

TEST_CASE("rule 355: an epoll descriptor can be waited for, and a closed one is refused", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        coir::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
        auto [a, b] = coir_test::stream_pair();
        epoll_event event{};
        event.events = EPOLLIN;
        REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, a.native_handle(), &event) == 0);
        auto waiting = coir::create_task([&] { return coir::wait_fd(epoll.get(), POLLIN); });
        coir::sleep(2ms);
        CHECK_FALSE(waiting.done());
        b.write("x");
        CHECK(coir::await(waiting) == POLLIN);
        CHECK(coir::wait_fd(epoll.get(), POLLIN) == POLLIN);
    });
}

TEST_CASE("rule 358: EINTR never surfaces", "[net]") {
    coir_test::FdCount fds;
    struct sigaction before {};
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
    const int pause = coir_test::on_valgrind() ? 20'000 : 500;  // us; more than a call takes
    const itimerval often{{0, pause}, {0, pause}};
    REQUIRE(::setitimer(ITIMER_REAL, &often, nullptr) == 0);
    run_in_loop([] {
        auto [a, b] = tcp_pair();
        auto& sender = a;
        auto& receiver = b;
        const std::string data(4 << 20, 'i');
        auto sending = coir::create_task([&] {
            for (int i = 0; i < 5; ++i) sender.write(data);
            sender.write_eof();
        });
        CHECK(receiver.read_all().size() == 5 * data.size());
        coir::await(sending);
        const auto until = std::chrono::steady_clock::now() + 50ms;
        auto udp = coir::UdpSocket::open("127.0.0.1", 0);
        char byte[1];
        while (std::chrono::steady_clock::now() < until) {
            auto waiting = coir::create_task([&] { udp.recv_from(byte); });
            coir::open_connection("127.0.0.1", coir::Listener::listen("127.0.0.1", 0).port());
            udp.send_to("x", udp.local_address());
            coir::await(waiting);
        }
    });
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    std::this_thread::sleep_for(1ms);  // valgrind hands the last one over at a system call
    ::sigaction(SIGALRM, &before, nullptr);
}
