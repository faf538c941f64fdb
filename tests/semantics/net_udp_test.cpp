// SPDX-License-Identifier: BSL-1.0
// UdpSocket, and datagrams of Socket.
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <chrono>
#include <coir/coir.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;

namespace {

template <std::size_t N>
std::string_view text(const std::array<char, N>& buffer, const coir::Datagram& datagram) {
    return {buffer.data(), datagram.size};
}

// A port of 127.0.0.1 where nobody listens.
coir::Address closed_port() {
    auto socket = coir::UdpSocket::open("127.0.0.1", 0);
    return socket.local_address();
}

std::pair<coir::UdpSocket, coir::UdpSocket> unix_pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    coir::Fd a(fds[0]);
    coir::Fd b(fds[1]);
    coir::UdpSocket first(std::move(a));
    return {std::move(first), coir::UdpSocket(std::move(b))};
}

}  // namespace

TEST_CASE("rule 263, 295: datagrams go there and back, also empty ones", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        for (const char* host : {"127.0.0.1", "::1", "localhost", ""}) {
            auto server = coir::UdpSocket::open(host, 0);
            REQUIRE(server.port() != 0);
            const bool v6 = server.local_address().family() == AF_INET6;
            auto client = coir::UdpSocket::open(v6 ? AF_INET6 : AF_INET);
            const coir::Address to(v6 ? "::1" : "127.0.0.1", server.port());
            std::array<char, 64> buffer;
            auto& receiver = server;
            auto receiving = coir::create_task([&] { return receiver.recv_from(buffer); });
            coir::yield_now();
            client.send_to("question", to);
            auto datagram = coir::await(receiving);
            CHECK(text(buffer, datagram) == "question");
            CHECK_FALSE(datagram.truncated());
            CHECK(datagram.from.port() == client.port());
            server.send_to("answer", datagram.from);
            CHECK(text(buffer, client.recv_from(buffer)) == "answer");
            client.send_to("", to);
            datagram = server.recv_from(buffer);
            CHECK(datagram.size == 0);
            CHECK(datagram.from.port() == client.port());
        }
    });
}

TEST_CASE("rule 295: what does not fit is reported", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto server = coir::UdpSocket::open("127.0.0.1", 0);
        auto client = coir::UdpSocket::open();
        client.send_to("0123456789", server.local_address());
        client.send_to("next", server.local_address());
        std::array<char, 4> buffer;
        auto datagram = server.recv_from(buffer);
        CHECK(datagram.truncated());
        CHECK(datagram.full_size == 10);
        CHECK(text(buffer, datagram) == "0123");
        datagram = server.recv_from(buffer);
        CHECK_FALSE(datagram.truncated());
        CHECK(text(buffer, datagram) == "next");
        const std::string huge(70'000, 'x');
        CHECK(io_error_of([&] { client.send_to(huge, server.local_address()); }) == EMSGSIZE);
        client.send_to("on", server.local_address());
        CHECK(text(buffer, server.recv_from(buffer)) == "on");
    });
}

TEST_CASE("rule 295: an error is one datagram's, and the socket lives on", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto server = coir::UdpSocket::open("127.0.0.1", 0);
        auto client = coir::UdpSocket::open("127.0.0.1", 0);
        const auto nobody = closed_port();
        std::array<char, 16> buffer;
        client.connect(nobody);
        for (int i = 0; i < 3; ++i) {
            client.send("lost");
            CHECK(io_error_of([&] { client.recv_from(buffer); }) == ECONNREFUSED);
        }
        client.send("lost");
        CHECK(io_error_of([&] { client.send("told"); }) == ECONNREFUSED);
        client.connect(server.local_address());
        client.send("found");
        CHECK(text(buffer, server.recv_from(buffer)) == "found");
    });
}

TEST_CASE("rule 295: a connected socket rejects another address", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto server = coir::UdpSocket::open("127.0.0.1", 0);
        auto stranger = coir::UdpSocket::open("127.0.0.1", 0);
        auto client = coir::UdpSocket::open("127.0.0.1", 0);
        std::array<char, 16> buffer;
        CHECK(io_error_of([&] { client.send("x"); }) == EDESTADDRREQ);
        CHECK(io_error_of([&] { static_cast<void>(client.peer_address()); }) == ENOTCONN);
        client.connect("127.0.0.1", server.port());
        CHECK(client.peer_address() == server.local_address());
        CHECK_THROWS_AS(client.send_to("x", stranger.local_address()), std::invalid_argument);
        const coir::OutgoingDatagram batch[] = {{"good", {}}, {"bad", stranger.local_address()}};
        CHECK_THROWS_AS(client.send_many(batch), std::invalid_argument);
        client.send_to("same", server.local_address());
        CHECK(text(buffer, server.recv_from(buffer)) == "same");  // and not "good"
        // Nor does it hear from others.
        stranger.send_to("psst", client.local_address());
        server.send_to("hello", client.local_address());
        CHECK(text(buffer, client.recv_from(buffer)) == "hello");
    });
}

TEST_CASE("rule 295, D24: sending waits while the kernel has no room", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto [a, b] = unix_pair();
        auto& sender = a;
        constexpr int count = 2000;
        auto sending = coir::create_task([&] {
            for (int i = 0; i < count; ++i) sender.send(std::to_string(i));
        });
        coir::sleep(1ms);
        CHECK_FALSE(sending.done());
        std::array<char, 16> buffer;
        for (int i = 0; i < count; ++i) {
            const auto datagram = b.recv_from(buffer);
            if (text(buffer, datagram) != std::to_string(i)) FAIL("datagram " << i);
        }
        coir::await(sending);
        // The same for many at once, which say how many went when they are cancelled.
        const std::vector<coir::OutgoingDatagram> batch(count, {"many", {}});
        std::size_t transferred = 0;
        auto many = coir::create_task([&] {
            try {
                sender.send_many(batch);
            } catch (const coir::WriteCancelledError& error) {
                transferred = error.transferred();
                throw;
            }
        });
        coir::sleep(1ms);
        many.cancel();
        CHECK_THROWS_AS(coir::await(many), coir::TaskCancelledError);
        CHECK(transferred > 0);
        CHECK(transferred < count);
        sender.close();
        std::size_t got = 0;
        std::array<char, 8> room[64];
        std::vector<coir::IncomingDatagram> incoming;
        for (auto& buffer64 : room) incoming.push_back({.buffer = buffer64});
        while (got < transferred) got += b.recv_many(incoming);
        CHECK(got == transferred);
    });
}

TEST_CASE("udp: many datagrams per call", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto server = coir::UdpSocket::open("127.0.0.1", 0);
        auto client = coir::UdpSocket::open("127.0.0.1", 0);
        std::vector<std::string> texts;
        for (int i = 0; i < 100; ++i) texts.push_back(std::string(static_cast<std::size_t>(i), 'a'));
        std::vector<coir::OutgoingDatagram> outgoing;
        for (const auto& one : texts) outgoing.push_back({one, server.local_address()});
        char room[100][90];
        std::vector<coir::IncomingDatagram> incoming;
        for (auto& buffer : room) incoming.push_back({.buffer = buffer});
        auto& receiver = server;
        auto receiving = coir::create_task([&] {
            std::size_t got = 0;
            while (got < texts.size()) {
                const auto count = receiver.recv_many(std::span(incoming).subspan(got));
                CHECK(count > 0);
                CHECK(count <= 64);
                got += count;
            }
        });
        coir::yield_now();
        client.send_many(outgoing);
        coir::await(receiving);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            CHECK(incoming[i].full_size == i);
            CHECK(incoming[i].truncated() == (i > 90));
            CHECK((incoming[i].bytes() == std::string_view(texts[i]).substr(0, 90)));
            CHECK(incoming[i].from == client.local_address());
        }
        client.send_many({});
        CHECK_THROWS_AS(server.recv_many({}), std::invalid_argument);
        // The error is that of the datagram behind those that went.
        const std::string huge(70'000, 'x');
        const coir::OutgoingDatagram mixed[] = {{"one", server.local_address()},
                                                {"two", server.local_address()},
                                                {huge, server.local_address()},
                                                {"three", server.local_address()}};
        std::size_t transferred = 0;
        try {
            client.send_many(mixed);
        } catch (const coir::IoError& error) {
            CHECK(error.code().value() == EMSGSIZE);
            transferred = error.transferred();
        }
        CHECK(transferred == 2);
        client.send_many(std::span(mixed).subspan(3));
        std::size_t got = 0;
        while (got < 3) got += server.recv_many(std::span(incoming).subspan(got));
        CHECK(incoming[2].bytes() == "three");
    });
}

TEST_CASE("udp: closing and cancelling end what waits", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto socket = coir::UdpSocket::open("127.0.0.1", 0);
        auto sender = coir::UdpSocket::open();
        std::array<char, 8> buffer;
        std::array<char, 8> other;
        coir::IncomingDatagram incoming[1];
        incoming[0].buffer = other;
        for (int i = 0; i < 3; ++i) {
            auto one = coir::create_task([&] { socket.recv_from(buffer); });
            auto many = coir::create_task([&] { socket.recv_many(incoming); });
            coir::yield_now();
            one.cancel();
            many.cancel();
            CHECK_THROWS_AS(coir::await(one), coir::TaskCancelledError);
            CHECK_THROWS_AS(coir::await(many), coir::TaskCancelledError);
        }
        sender.send_to("kept", socket.local_address());
        CHECK(text(buffer, socket.recv_from(buffer)) == "kept");
        auto one = coir::create_task(
            [&] { return io_error_of([&] { socket.recv_from(buffer); }); });
        auto many = coir::create_task(
            [&] { return io_error_of([&] { socket.recv_many(incoming); }); });
        coir::yield_now();
        socket.close();
        CHECK(coir::await(one) == ECANCELED);
        CHECK(coir::await(many) == ECANCELED);
        CHECK(io_error_of([&] { socket.recv_from(buffer); }) == EBADF);
        CHECK(io_error_of([&] { socket.send("x"); }) == EBADF);
        CHECK_FALSE(socket.is_open());
        CHECK(socket.native_handle() == -1);
        socket.close();
    });
}

TEST_CASE("udp: addresses, and what is refused", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto first = coir::UdpSocket::open("127.0.0.1", 0);
        CHECK(io_error_of([&] { coir::UdpSocket::open("127.0.0.1", first.port()); }) == EADDRINUSE);
        auto shared = coir::UdpSocket::open("127.0.0.1", 0, {.reuse_port = true});
        coir::UdpSocket::open("127.0.0.1", shared.port(), {.reuse_port = true});
        CHECK_THROWS_AS(coir::UdpSocket::open("127.0.0.1", 65536), std::invalid_argument);
        CHECK_THROWS_AS(coir::UdpSocket::open("127.0.0.1", -1), std::invalid_argument);
        CHECK_THROWS_AS(coir::UdpSocket::open(std::string(254, 'h'), 0), std::invalid_argument);
        CHECK_THROWS_AS(coir::UdpSocket::open(std::string_view("a\0b", 3), 0),
                        std::invalid_argument);
        auto late = coir::UdpSocket::open();
        late.bind("127.0.0.1", 0);
        CHECK(late.port() != 0);
        CHECK(io_error_of([&] { late.bind(coir::Address("127.0.0.1", 0)); }) == EINVAL);
        CHECK_THROWS_AS(late.connect("127.0.0.1", 70000), std::invalid_argument);
        CHECK(io_error_of([] {
                  coir::UdpSocket wrong(
                      coir::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
              }) == EPROTOTYPE);
        auto socket = coir::Socket::create(AF_INET, SOCK_DGRAM);
        std::array<char, 4> buffer;
        CHECK(socket.send_to("raw..", first.local_address()) == 5);
        CHECK(first.recv_from(buffer).full_size == 5);
        first.send_to("abc", socket.local_address().port() == 0
                                 ? first.local_address()
                                 : coir::Address("127.0.0.1", socket.local_address().port()));
        CHECK(socket.recv_from(buffer).size == 3);
    });
    CHECK_THROWS_AS(coir::UdpSocket::open(), std::logic_error);
}

TEST_CASE("udp: broadcast and multicast", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto socket = coir::UdpSocket::open("0.0.0.0", 0, {.reuse_address = true});
        const coir::Address everybody("255.255.255.255", 9);
        CHECK(io_error_of([&] { socket.send_to("x", everybody); }) == EACCES);
        socket.set_broadcast(true);
        int on = 0;
        socklen_t size = sizeof on;
        REQUIRE(::getsockopt(socket.native_handle(), SOL_SOCKET, SO_BROADCAST, &on, &size) == 0);
        CHECK(on == 1);
        const unsigned loopback = ::if_nametoindex("lo");
        const coir::Address group("239.255.7.7", socket.port());
        socket.join_group(group, loopback);
        auto sender = coir::UdpSocket::open();
        sender.set_multicast_interface(loopback);
        sender.set_multicast_hops(1);
        sender.set_multicast_loop(true);
        sender.send_to("to the group", group);
        std::array<char, 32> buffer;
        CHECK(text(buffer, coir::with_timeout(5s, [&] { return socket.recv_from(buffer); })) ==
              "to the group");
        socket.leave_group(group, loopback);
        CHECK(io_error_of([&] { socket.leave_group(group, loopback); }) == EADDRNOTAVAIL);
        CHECK_THROWS_AS(sender.set_multicast_hops(256), std::invalid_argument);
        CHECK(io_error_of([&] { socket.join_group(coir::Address("127.0.0.1", 0), loopback); }) ==
              EINVAL);
    });
}

TEST_CASE("rule 295: a full queue of a Unix socket is waited for without keeping the processor busy", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto receiver = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
        const std::string path = "/tmp/coir-full-" + std::to_string(::getpid());
        ::unlink(path.c_str());
        const coir::Address at = coir::Address::unix_path(path);
        receiver.bind(at);
        auto filler = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
        filler.connect(at);
        const auto fill = [&] {
            while (::send(filler.native_handle(), "x", 1, MSG_DONTWAIT) == 1) {
            }
        };
        std::array<char, 16> buffer;
        for (const bool named : {false, true}) {
            auto sender = coir::Socket::create(AF_UNIX, SOCK_DGRAM);
            if (!named) sender.connect(at);
            for (int round = 0; round < 2; ++round) {
                fill();
                auto sending = coir::create_task([&] {
                    return named ? sender.send_to("late", at) : sender.send("late");
                });
                coir::yield_now();
                const auto before = coir::get_running_loop().metrics().turns;
                coir::sleep(30ms);
                const auto looks = coir::get_running_loop().metrics().turns - before;
                CHECK_FALSE(sending.done());
                CHECK(looks <= 100);
                std::string last;
                while (last != "late") last = std::string(text(buffer, receiver.recv_from(buffer)));
                CHECK(coir::with_timeout(5s, [&] { return coir::await(sending); }) == 4);
            }
        }
        ::unlink(path.c_str());
    });
}
