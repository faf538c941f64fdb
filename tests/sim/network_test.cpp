// SPDX-License-Identifier: BSL-1.0
// The network of the simulated world: links, partitions, faults, as coir's programs see them.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>
#include <coir/udp.hpp>

#include <cerrno>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include <unistd.h>

using namespace std::chrono_literals;
namespace testing = coir::testing;
using coir_test::io_error_of;
using testing::Network;

namespace {

testing::SimResult calmly(const std::function<void()>& main) {
    testing::SimOptions options;
    options.faults.emplace();
    options.order = testing::SimOrder::fifo;
    return testing::simulate(options, [&] {
        coir::RunOptions run_options;
        run_options.on_deadlock = coir::OnDeadlock::fail;
        coir::run(main, run_options);
    });
}

coir::TimePoint now() { return coir::get_running_loop().time(); }

coir::ConnectOptions from(const char* address) {
    coir::ConnectOptions options;
    options.local_addr = coir::Address(address, 0);
    return options;
}

}  // namespace

TEST_CASE("a link takes its time", "[network]") {
    const auto result = calmly([] {
        Network::set_link("10.0.0.1", "10.0.0.2", {.latency = 10ms});
        auto listener = coir::Listener::listen("10.0.0.2", 80);
        const auto began = now();
        auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
        CHECK(now() - began == 20ms);  // there and back
        auto server = listener.accept();
        CHECK(server.peer_name().rfind("10.0.0.1:", 0) == 0);
        const auto sent = now();
        client.write("hello\n");
        CHECK(server.readline() == "hello\n");
        CHECK(now() - sent == 10ms);
        // Another link is not slowed down.
        auto near = coir::open_connection("10.0.0.2", 80);
        CHECK(now() - sent == 10ms);
    });
    CHECK(result.open_descriptors == 0);
}

TEST_CASE("a link has a bandwidth", "[network]") {
    calmly([] {
        Network::set_link("10.0.0.1", "10.0.0.2", {.bytes_per_second = 1000});
        auto listener = coir::Listener::listen("10.0.0.2", 80);
        auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
        auto server = listener.accept();
        const auto began = now();
        client.write(std::string(2000, 'x'));
        client.write_eof();
        std::string all;
        char buffer[4096];
        while (const std::size_t size = server.read(buffer)) all.append(buffer, size);
        CHECK(all.size() == 2000);
        CHECK(now() - began == 2s);
    });
}

TEST_CASE("a partition holds streams up until it heals", "[network]") {
    calmly([] {
        auto listener = coir::Listener::listen("10.0.0.2", 80);
        auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
        auto server = listener.accept();
        Network::partition("10.0.0.1", "10.0.0.2");
        client.write("hello\n");
        client.write("world\n");
        auto healing = coir::create_task([] {
            coir::sleep(5s);
            Network::heal("10.0.0.2", "10.0.0.1");
        });
        const auto began = now();
        CHECK(server.readline() == "hello\n");
        CHECK(now() - began == 5s);
        CHECK(server.readline() == "world\n");
        coir::await(healing);
        // Connecting tries again after 1, 2, 4 ... seconds.
        Network::partition("10.0.0.1", "10.0.0.2");
        auto later = coir::create_task([] {
            coir::sleep(6s);
            Network::heal_all();
        });
        const auto again = now();
        auto second = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
        CHECK(now() - again == 7s);
        coir::await(later);
    });
}

TEST_CASE("connecting gives up after two minutes", "[network]") {
    calmly([] {
        auto listener = coir::Listener::listen("10.0.0.2", 80);
        Network::partition("10.0.0.1", "10.0.0.2");
        const auto began = now();
        CHECK(io_error_of([] {
                  auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
              }) == ETIMEDOUT);
        CHECK(now() - began == 127s);
    });
}

TEST_CASE("a full queue keeps clients trying", "[network]") {
    calmly([] {
        coir::ListenOptions options;
        options.backlog = 1;
        auto listener = coir::Listener::listen("127.0.0.1", 80, options);
        auto a = coir::open_connection("127.0.0.1", 80);
        auto b = coir::open_connection("127.0.0.1", 80);
        auto accepting = coir::create_task([&] {
            coir::sleep(2500ms);
            auto first = listener.accept();
            coir::sleep(10s);
        });
        const auto began = now();
        auto c = coir::open_connection("127.0.0.1", 80);
        CHECK(now() - began == 3s);
        accepting.cancel();
        CHECK_THROWS_AS(coir::await(accepting), coir::TaskCancelledError);
    });
}

TEST_CASE("where nobody is", "[network]") {
    calmly([] {
        const auto connect_to = [](const char* host) {
            return io_error_of([&] { auto client = coir::open_connection(host, 80); });
        };
        CHECK(connect_to("127.0.0.1") == ECONNREFUSED);
        CHECK(connect_to("10.1.2.3") == ECONNREFUSED);
        CHECK(connect_to("192.0.2.1") == ENETUNREACH);
        CHECK(connect_to("2001:db8::1") == ENETUNREACH);
        Network::set_link("10.0.0.1", "10.0.0.2", {.latency = 10ms});
        const auto began = now();
        CHECK(io_error_of([&] {
                  auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
              }) == ECONNREFUSED);
        CHECK(now() - began == 20ms);
    });
}

TEST_CASE("connections can be reset", "[network]") {
    calmly([] {
        auto listener = coir::Listener::listen("10.0.0.2", 80);
        auto client = coir::open_connection("10.0.0.2", 80, from("10.0.0.1"));
        auto server = listener.accept();
        auto reading = coir::create_task([&] { return io_error_of([&] {
                                             char c[1];
                                             server.read(c);
                                         }); });
        coir::yield_now();
        CHECK(Network::reset("10.0.0.1", "10.0.0.2") == 1);
        CHECK(coir::await(reading) == ECONNRESET);
        CHECK(io_error_of([&] { client.write("x"); }) == ECONNRESET);
        CHECK(Network::reset("10.0.0.1", "10.0.0.3") == 0);
    });
}

TEST_CASE("descriptors can run out", "[network]") {
    calmly([] {
        auto listener = coir::Listener::listen("127.0.0.1", 80);
        Network::limit_descriptors(2);
        auto client = coir::open_connection("127.0.0.1", 80);
        CHECK(Network::open_descriptors() == 2);
        CHECK(io_error_of([] { coir::open_connection("127.0.0.1", 80); }) == EMFILE);
        CHECK(io_error_of([&] { listener.accept(); }) == EMFILE);
        Network::limit_descriptors(3);
        auto server = listener.accept();  // it was still in the queue
        client.write("hello\n");
        CHECK(server.readline() == "hello\n");
    });
}

TEST_CASE("datagrams are lost, doubled, and overtake each other", "[network]") {
    calmly([] {
        Network::set_link("10.0.0.1", "10.0.0.2",
                          {.latency = 1ms, .jitter = 10ms, .loss = 0.3, .duplicate = 0.3});
        auto to = coir::UdpSocket::open("10.0.0.2", 53);
        auto sender = coir::UdpSocket::open("10.0.0.1", 0);
        const coir::Address target("10.0.0.2", 53);
        constexpr int sent = 300;
        for (int i = 0; i < sent; ++i) sender.send_to(std::to_string(i), target);
        std::multiset<int> received;
        int overtaken = 0;
        int last = -1;
        static_cast<void>(coir::move_on_after(10s, [&] {
            for (;;) {
                char buffer[16];
                const auto datagram = to.recv_from(buffer);
                const int number = std::stoi(std::string(buffer, datagram.size));
                if (number < last) ++overtaken;
                last = number;
                received.insert(number);
            }
        }));
        const std::set<int> different(received.begin(), received.end());
        CHECK(different.size() < sent);
        CHECK(different.size() > sent / 3);
        CHECK(received.size() > different.size());
        CHECK(overtaken > 10);
    });
}

TEST_CASE("faults reach the program", "[network]") {
    // What each kind of fault does to 100 exchanges, and that nothing else goes wrong.
    const auto exchanges = [](const testing::SimFaults& faults) {
        int errors = 0;
        testing::SimOptions options;
        options.faults = faults;
        options.seed = 7;
        const auto result = testing::simulate(options, [&] {
            coir::run([&] {
                auto server = coir::start_server(
                    [](coir::Stream& stream) {
                        try {
                            while (const auto line = stream.readline()) stream.write(*line);
                        } catch (const coir::IoError&) {
                        }
                    },
                    "127.0.0.1", 0);
                for (int i = 0; i < 100; ++i) {
                    const std::string line = std::string(100, 'x') + "\n";
                    try {
                        auto stream = coir::open_connection("127.0.0.1", server.port());
                        stream.write(line);
                        if (stream.readline() != line) ++errors;
                    } catch (const coir::IoError&) {
                        ++errors;
                    }
                }
            });
        });
        return std::pair(errors, result);
    };
    const auto [none, plain] = exchanges({});
    CHECK(none == 0);
    CHECK(plain.virtual_time == 0ns);
    testing::SimFaults faults;
    faults.reset = 0.05;
    CHECK(exchanges(faults).first > 5);
    faults = {};
    faults.abort_accept = 0.2;
    CHECK(exchanges(faults).first > 5);
    faults = {};
    faults.partial = 0.5;
    const auto [cut_errors, cut] = exchanges(faults);
    CHECK(cut_errors == 0);
    CHECK(cut.call_count > plain.call_count + 200);
    faults = {};
    faults.partition = 0.02;
    const auto [late_errors, late] = exchanges(faults);
    CHECK(late_errors == 0);
    CHECK(late.virtual_time > 2s);
    faults = {};
    faults.latency = 1ms;
    const auto [slow_errors, slow] = exchanges(faults);
    CHECK(slow_errors == 0);
    CHECK(slow.virtual_time >= 400ms);  // a hundred times four segments
    faults.spurious = 0.9;
    const auto [odd_errors, odd] = exchanges(faults);
    CHECK(odd_errors == 0);
    CHECK(odd.call_count > slow.call_count + 100);
    faults.spurious = 0;
    faults.jitter = 1ms;
    const auto [slower_errors, slower] = exchanges(faults);
    CHECK(slower_errors == 0);
    CHECK(slower.virtual_time > slow.virtual_time + 100ms);
}

TEST_CASE("a header and what it announces are one receive of a TCP connection", "[network]") {
    testing::SimOptions options;
    options.faults.emplace();
    options.order = testing::SimOrder::fifo;
    options.reactor = testing::SimReactor::readiness;
    const auto calls_for = [&options](int frames) {
        return testing::simulate(options, [frames] {
                   coir::run([frames] {
                       auto [a, b] = coir_test::tcp_pair();
                       auto sending = coir::create_task([frames, stream = std::move(b)]() mutable {
                           for (int i = 0; i < frames; ++i) {
                               stream.write("four and the rest");
                               stream.read_exactly(1);
                           }
                       });
                       for (int i = 0; i < frames; ++i) {
                           CHECK(a.read_exactly(4) == "four");
                           CHECK(a.read_exactly(13) == " and the rest");
                           a.write("!");
                       }
                       coir::await(sending);
                   });
               }).call_count;
    };
    CHECK(calls_for(20) - calls_for(10) == 10 * 4);  // two sends and two receives
}

// The cancel comes late, and finds the accept at its end: it tells of the socket that was closed behind it.
TEST_CASE("a server that is closed says nothing of its last accept", "[network]") {
    const auto options = testing::options_from_text(R"(seed 3796
order starvation
reactor io_uring
fail_on_reports
faults late=0.25 busy=0.06
choices .4 18:2=1 .1 19:2=1 19:3=1
)");
    CHECK_FALSE(testing::simulate(options, [] {
                    coir::run([] {
                        auto server = coir::start_server([](coir::Stream&) {}, "127.0.0.1", 0);
                        coir::sleep(1s);
                    });
                }).diverged);
}

TEST_CASE("Unix servers and files in the world", "[network]") {
    const auto result = calmly([] {
        auto server = coir::start_unix_server(
            [](coir::Stream& stream) {
                while (const auto line = stream.readline()) stream.write("re: " + *line);
            },
            "/tmp/only-in-this-world");
        auto client = coir::open_unix_connection("/tmp/only-in-this-world");
        client.write("hello\n");
        CHECK(client.readline() == "re: hello\n");
        CHECK(::access("/tmp/only-in-this-world", F_OK) != 0);
        server.close();
        CHECK(io_error_of([] { coir::open_unix_connection("/tmp/only-in-this-world"); }) == ENOENT);

        CHECK(coir::read_file("/proc/self/comm").size() > 1);  // files are the real ones
    });
    CHECK(result.open_descriptors == 0);
}

TEST_CASE("a job on another thread takes no virtual time", "[network]") {
    calmly([] {
        const auto began = now();
        auto timer = coir::create_task([] { coir::sleep(1s); });
        CHECK(coir::to_thread([] {
                  ::usleep(20'000);
                  return 7;
              }) == 7);
        CHECK(now() - began == 0s);
        coir::await(timer);
        CHECK(now() - began == 1s);
    });
}
