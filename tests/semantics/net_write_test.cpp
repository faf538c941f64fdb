// SPDX-License-Identifier: BSL-1.0
// Stream: writing and ending.
#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <string>
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

std::string pattern(std::size_t size) {
    std::string data(size, '\0');
    std::uint32_t x = 1;
    for (char& c : data) {
        x = x * 1664525u + 1013904223u;
        c = static_cast<char>(x >> 24);
    }
    return data;
}

}  // namespace

TEST_CASE("rule 263: 8 MiB both ways at once", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string there = pattern(8 << 20);
        const std::string back(there.rbegin(), there.rend());
        for (bool tcp : {true, false}) {
            auto pair = tcp ? tcp_pair() : stream_pair();
            auto& a = pair.first;
            auto& b = pair.second;
            auto write_a = coir::create_task([&] { a.write(there); });
            auto write_b = coir::create_task([&] { b.write(back); });
            auto read_a = coir::create_task([&] { return a.read_exactly(back.size()); });
            auto read_b = coir::create_task([&] { return b.read_exactly(there.size()); });
            CHECK((coir::await(read_a) == back));
            CHECK((coir::await(read_b) == there));
            coir::await(write_a);
            coir::await(write_b);
        }
    });
}

TEST_CASE("D24: concurrent writes do not mix", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& out = pair.first;
        auto& b = pair.second;
        std::vector<coir::Task<void>> writers;
        constexpr std::size_t size = 300'000;
        for (char c : {'a', 'b', 'c', 'd'}) {
            writers.push_back(coir::create_task([&out, c] { out.write(std::string(size, c)); }));
        }
        for (char c : {'a', 'b', 'c', 'd'}) {
            CHECK((b.read_exactly(size) == std::string(size, c)));
        }
        for (auto& writer : writers) coir::await(writer);
    });
}

TEST_CASE("D24: a cancelled write says how much went out, and the next one gets its turn",
          "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& out = pair.first;
        auto& b = pair.second;
        const std::string data = pattern(4 << 20);
        std::size_t went_out = 0;
        std::size_t queued_out = 1;
        auto writer = coir::create_task([&] {
            try {
                out.write(data);
            } catch (const coir::WriteCancelledError& error) {
                went_out = error.transferred();
                throw;
            }
        });
        auto queued = coir::create_task([&] {
            try {
                out.write("never");
            } catch (const coir::WriteCancelledError& error) {
                queued_out = error.transferred();
                throw;
            }
        });
        auto last = coir::create_task([&] { out.write("last"); });
        coir::sleep(1ms);
        queued.cancel();
        writer.cancel("enough");
        CHECK_THROWS_AS(coir::await(queued), coir::TaskCancelledError);
        CHECK_THROWS_WITH(coir::await(writer), Catch::Contains("enough"));
        CHECK(went_out > 0);
        CHECK(went_out < data.size());
        CHECK(queued_out == 0);
        const std::string got = b.read_exactly(went_out + 4);
        CHECK((got == data.substr(0, went_out) + "last"));
        coir::await(last);
    });
}

TEST_CASE("B73: after its end one side still receives", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& client = pair.first;
        auto& server = pair.second;
        auto serve = coir::create_task([&] {
            CHECK(server.read_all() == "request");
            server.write(std::string(1 << 20, 'r'));
            server.close();
        });
        client.write("request");
        client.write_eof();
        CHECK(client.read_all().size() == 1 << 20);
        coir::await(serve);
    });
}

TEST_CASE("rule 289: writing after write_eof is an error", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        a.write_eof();
        CHECK(io_error_of([&] { a.write("x"); }) == EPIPE);
        CHECK(io_error_of([&] { a.write_eof(); }) == EPIPE);  // rule 349
        CHECK(b.read(1).empty());
    });
}

TEST_CASE("rule 349: write_eof waits for writes in progress", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& out = pair.first;
        auto& b = pair.second;
        auto writing = coir::create_task([&] { out.write(std::string(4 << 20, 'x')); });
        coir::yield_now();
        auto ending = coir::create_task([&] { out.write_eof(); });
        CHECK(b.read_all().size() == 4 << 20);
        coir::await(writing);
        coir::await(ending);
    });
}

TEST_CASE("rule 344: writes in progress finish before close does", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& out = pair.first;
        auto& b = pair.second;
        auto writing = coir::create_task([&] { out.write(std::string(4 << 20, 'x')); });
        coir::yield_now();
        auto closing = coir::create_task([&] {
            out.close();
            CHECK_FALSE(out.is_open());
        });
        coir::yield_now();
        CHECK(io_error_of([&] { out.write("late"); }) == EBADF);
        CHECK(b.read_all().size() == 4 << 20);
        coir::await(writing);
        coir::await(closing);
    });
}

TEST_CASE("rule 280: close with unread input does not cost the peer what was written", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& client = pair.first;
        auto& server = pair.second;
        client.write(std::string(100'000, 'q'));
        auto serve = coir::create_task([&] {
            server.read_exactly(10);
            server.write(std::string(2 << 20, 'r'));
            server.close();
        });
        CHECK(client.read_all().size() == 2 << 20);
        client.close();
        coir::await(serve);
    });
}

TEST_CASE("rule 280: a peer that never closes is not waited for", "[net]") {
    coir_test::run_on_sim([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("unread");
        coir::wait_readable(a.native_handle());
        const auto before = coir::get_running_loop().time();
        a.close();
        CHECK(coir::get_running_loop().time() - before == 1s);
        auto pair2 = stream_pair();
        auto& c = pair2.first;
        auto& d = pair2.second;
        d.write("unread");
        coir::no_cancel([&, &closed = c] { closed.close(); });
        CHECK(coir::get_running_loop().time() - before == 2s);
    });
}

TEST_CASE("close closes also when it is cancelled", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& out = a;
        auto writing = coir::create_task(
            [&] { return io_error_of([&] { out.write(std::string(4 << 20, 'x')); }); });
        coir::yield_now();
        auto closing = coir::create_task([&] { out.close(); });
        coir::yield_now();
        closing.cancel();
        CHECK_THROWS_AS(coir::await(closing), coir::TaskCancelledError);
        CHECK_FALSE(a.is_open());
        CHECK(coir::await(writing) == ECANCELED);
    });
}

TEST_CASE("rule 356: abort reaches the peer as a reset", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        a.abort();
        CHECK(io_error_of([&] { b.read(1); }) == ECONNRESET);
    });
}

TEST_CASE("rule 288, B76: writing to a peer that has gone is an error, not a signal", "[net]") {
    struct sigaction disposition {};
    REQUIRE(::sigaction(SIGPIPE, nullptr, &disposition) == 0);
    REQUIRE(disposition.sa_handler == SIG_DFL);
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.close();
        try {
            a.write("x");
            FAIL("no error");
        } catch (const coir::IoError& error) {
            CHECK(error.code().value() == EPIPE);
            CHECK(error.operation() == "write");
            CHECK(error.fd() == a.native_handle());
            CHECK(error.transferred() == 0);
        }
    });
}

TEST_CASE("D23: a task that writes without waiting lets others run", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        bool stop = false;
        std::size_t rounds = 0;
        auto busy = coir::create_task([&] {
            char byte[1];
            while (!stop && rounds < 1'000'000) {
                a.write("x");
                b.read(byte);
                ++rounds;
            }
        });
        coir::yield_now();
        coir::yield_now();
        stop = true;
        coir::await(busy);
        CHECK(rounds < 1000);
    });
}
