// SPDX-License-Identifier: BSL-1.0
// Connecting and name resolution.
#include <netdb.h>

#include <chrono>
#include <coir/coir.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::run_in_loop;

namespace {

// A listener whose queue is full: further connection attempts get no answer at all.
class DeafListener {
public:
    DeafListener() : listener_(coir::Listener::listen("127.0.0.1", 0, {.backlog = 0})) {
        for (int i = 0; i < 4; ++i) {
            fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            const auto to = address();
            static_cast<void>(::connect(fillers_.back().get(), to.data(), to.size()));
        }
    }
    coir::Address address() const { return listener_.address(); }

private:
    coir::Listener listener_;
    std::vector<coir::Fd> fillers_;
};

// A port of this machine that nobody listens at.
coir::Address closed_port() {
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    return listener.address();
}

}  // namespace

TEST_CASE("net: addresses are parsed and printed", "[net]") {
    CHECK(coir::Address("127.0.0.1", 80).to_string() == "127.0.0.1:80");
    CHECK(coir::Address("::1", 80).to_string() == "[::1]:80");
    CHECK(coir::Address("fe80::1%7", 1).host() == "fe80::1%7");
    CHECK(coir::Address("127.0.0.1", 80) == coir::Address("127.0.0.1", 80));
    CHECK_FALSE(coir::Address("127.0.0.1", 80) == coir::Address("127.0.0.1", 81));
    CHECK(coir::Address::unix_path("/tmp/x").to_string() == "/tmp/x");
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "::1%", "::1%lo", "0x7f.1"}) {
        CHECK_FALSE(coir::Address::parse(bad, 1).has_value());
    }
    CHECK_THROWS_AS(coir::Address("localhost", 1), std::invalid_argument);
    CHECK_THROWS_AS(coir::Address("127.0.0.1", 65536), std::invalid_argument);
}

TEST_CASE("rule 299: literals are not resolved", "[net]") {
    run_in_loop([] {
        // No other thread: the answer is there without suspending.
        auto infos = coir::getaddrinfo("127.0.0.1", "80");
        REQUIRE(infos.size() == 1);
        CHECK(infos[0].address.to_string() == "127.0.0.1:80");
        CHECK(infos[0].type == SOCK_STREAM);
        CHECK(coir::getaddrinfo("::1", 80, {.type = 0}).size() == 3);
        const auto name =
            coir::getnameinfo(coir::Address("127.0.0.1", 80), NI_NUMERICHOST | NI_NUMERICSERV);
        CHECK(name.host == "127.0.0.1");
        CHECK(name.service == "80");
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        coir::getaddrinfo("127.0.0.1", 80);
        CHECK_FALSE(other_ran);
        coir::await(other);
    });
}

TEST_CASE("net: names are resolved on another thread while tasks run", "[net]") {
    run_in_loop([] {
        bool other_ran = false;
        auto other = coir::create_task([&] { other_ran = true; });
        const auto infos = coir::getaddrinfo("localhost", 80);
        CHECK(other_ran);
        REQUIRE_FALSE(infos.empty());
        CHECK(infos[0].address.is_loopback());
        CHECK(infos[0].address.port() == 80);
        coir::await(other);
        CHECK_FALSE(coir::getnameinfo(coir::Address("127.0.0.1", 80)).host.empty());
        CHECK(coir::getaddrinfo("127.0.0.1", "http")[0].address.port() == 80);
    });
}

TEST_CASE("net: resolver errors have their own code, and bad names never get there", "[net]") {
    run_in_loop([] {
        try {
            coir::getaddrinfo("localhost", 80, {.flags = AI_NUMERICHOST});
            FAIL("no error");
        } catch (const coir::ResolveError& error) {
            CHECK(error.code().value() == EAI_NONAME);
            CHECK(error.code().category() == coir::resolver_category());
            CHECK(std::string(error.what()).find("localhost") != std::string::npos);
        }
        CHECK_THROWS_AS(coir::getaddrinfo(std::string(254, 'a'), 80), std::invalid_argument);
        CHECK_THROWS_AS(coir::getaddrinfo(std::string("a\0b", 3), 80), std::invalid_argument);
        CHECK_THROWS_AS(coir::getaddrinfo("localhost", 65536), std::invalid_argument);
        CHECK_THROWS_AS(coir::getaddrinfo("localhost", "65536"), std::invalid_argument);
        CHECK_THROWS_AS(coir::open_connection(std::string(254, 'a'), 80), std::invalid_argument);
        CHECK_THROWS_AS(coir::open_connection("127.0.0.1", 65536), std::invalid_argument);
    });
}

TEST_CASE("D31: a cancelled lookup is left behind", "[net]") {
    run_in_loop([] {
        // Withdrawn or running, whichever the threads make of it.
        for (int i = 0; i < 100; ++i) {
            auto lookup = coir::create_task([] { return coir::getaddrinfo("localhost", 80); });
            coir::yield_now();
            if (i % 2 == 0) coir::yield_now();
            lookup.cancel();
            try {
                coir::await(lookup);
            } catch (const coir::TaskCancelledError&) {
            }
        }
        auto at_the_end = coir::create_task([] { return coir::getaddrinfo("localhost", 80); });
        coir::yield_now();
        at_the_end.cancel();
    });
}

TEST_CASE("rule 297: one address, its error; several, all of them", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const auto a = closed_port();
        const auto b = closed_port();
        CHECK(io_error_of([&] { coir::open_connection(a); }) == ECONNREFUSED);
        CHECK_THROWS_WITH(coir::open_connection(a), Catch::Contains(a.to_string()));
        CHECK_THROWS_WITH(coir::open_connection({a, b}),
                          Catch::Contains(a.to_string()) && Catch::Contains(b.to_string()));
        CHECK(io_error_of([&] { coir::open_connection({a, b}); }) == ECONNREFUSED);
        CHECK_THROWS_AS(coir::open_connection({a, b}, {.all_errors = true}), coir::ExceptionGroup);
        CHECK_THROWS_AS(coir::open_connection(std::vector<coir::Address>{}), std::invalid_argument);
    });
}

TEST_CASE("rule 298: local addresses", "[net]") {
    run_in_loop([] {
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        coir::ConnectOptions options;
        options.local_addr = coir::Address("127.0.0.5", 0);
        auto client = coir::open_connection("127.0.0.1", listener.port(), options);
        CHECK(client.local_name().rfind("127.0.0.5:", 0) == 0);
        CHECK(listener.accept().peer_name() == client.local_name());
        // One of another family is skipped; none that fits is an error.
        auto again = coir::open_connection(
            {coir::Address("::1", listener.port()), listener.address()}, options);
        CHECK(again.local_name().rfind("127.0.0.5:", 0) == 0);
        CHECK(io_error_of([&] {
                  coir::open_connection(coir::Address("::1", listener.port()), options);
              }) == EADDRNOTAVAIL);
    });
}

TEST_CASE("rule 300, B43: a cancelled connect closes its socket", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        DeafListener deaf;
        const auto before = coir_test::FdCount::open_now();
        auto connecting = coir::create_task([&] { return coir::open_connection(deaf.address()); });
        coir::sleep(1ms);
        CHECK(coir_test::FdCount::open_now() == before + 1);
        connecting.cancel();
        CHECK_THROWS_AS(coir::await(std::move(connecting)), coir::TaskCancelledError);
        CHECK(coir_test::FdCount::open_now() == before);
        auto racing = coir::create_task([&] {
            return coir::open_connection({deaf.address(), deaf.address()});
        });
        coir::sleep(300ms);
        CHECK(coir_test::FdCount::open_now() == before + 2);
        racing.cancel();
        CHECK_THROWS_AS(coir::await(std::move(racing)), coir::TaskCancelledError);
        CHECK(coir_test::FdCount::open_now() == before);
    });
}

TEST_CASE("rule 301: an address that does not answer delays the next one, no more", "[net]") {
    coir_test::FdCount fds;
    coir_test::run_on_sim([] {
        DeafListener deaf;
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        auto& loop = coir::get_running_loop();
        const auto before_count = coir_test::FdCount::open_now();
        auto before = loop.time();
        auto stream = coir::open_connection({deaf.address(), listener.address()});
        CHECK(stream.peer_name() == listener.address().to_string());
        CHECK(loop.time() - before == 250ms);
        CHECK(coir_test::FdCount::open_now() == before_count + 1);  // the loser's is closed
        before = loop.time();
        coir::open_connection({deaf.address(), listener.address()}, {.happy_eyeballs_delay = 20ms});
        CHECK(loop.time() - before == 20ms);
    });
}

TEST_CASE("rule 301: an address that refuses is followed by the next one at once", "[net]") {
    coir_test::run_on_sim([] {
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        auto& loop = coir::get_running_loop();
        const auto before = loop.time();
        auto stream = coir::open_connection({closed_port(), closed_port(), listener.address()});
        CHECK(loop.time() == before);
        CHECK(stream.peer_name() == listener.address().to_string());
    });
}

TEST_CASE("rule 301: the first address that answers wins, also late", "[net]") {
    coir_test::run_on_sim([] {
        DeafListener deaf;
        auto& loop = coir::get_running_loop();
        const auto before = loop.time();
        // The refusal of the second is not the end: the first one might still answer.
        CHECK_THROWS_AS(
            coir::with_timeout(10s,
                               [&] {
                                   coir::open_connection({deaf.address(), closed_port()});
                               }),
            coir::TimeoutError);
        CHECK(loop.time() - before == 10s);
    });
}

TEST_CASE("net: a Unix listener with a full queue is waited for", "[net]") {
    coir_test::FdCount fds;
    coir_test::SocketFolder folder;
    run_in_loop([&] {
        auto socket = coir::Socket::create(AF_UNIX, SOCK_STREAM);
        socket.bind(coir::Address::unix_path(folder.path()));
        socket.listen(0);
        auto first = coir::open_unix_connection(folder.path());
        auto second = coir::create_task([&] { return coir::open_unix_connection(folder.path()); });
        coir::sleep(20ms);
        CHECK_FALSE(second.done());
        auto third = coir::create_task([&] { return coir::open_unix_connection(folder.path()); });
        coir::sleep(20ms);
        third.cancel();
        CHECK_THROWS_AS(coir::await(std::move(third)), coir::TaskCancelledError);
        auto accepted = socket.accept();
        auto stream = coir::await(std::move(second));
        stream.write("x");
        char byte[1];
        CHECK(socket.accept().recv(byte) == 1);
        CHECK(io_error_of([&] { coir::open_unix_connection("/tmp/coir-test-nowhere"); }) == ENOENT);
    });
}

TEST_CASE("B75: a socket does not get connected to itself", "[net]") {
    run_in_loop([] {
        // Bound to the port that it connects to, it can only reach itself.
        const auto free = closed_port();
        coir::ConnectOptions options;
        options.local_addr = free;
        CHECK(io_error_of([&] { coir::open_connection(free, options); }) == ECONNREFUSED);
    });
}

TEST_CASE("net: connections to a name", "[net]") {
    run_in_loop([] {
        auto server = coir::start_server([](coir::Stream s) { s.write("hi"); }, "localhost", 0);
        auto stream = coir::open_connection("localhost", server.port());
        CHECK(stream.read_all() == "hi");
        auto here = coir::open_connection("", server.port());
        CHECK(here.read_all() == "hi");
    });
}
