// SPDX-License-Identifier: BSL-1.0
// Stream: reading, its limits, errors.
#include <array>
#include <cerrno>
#include <chrono>
#include <coir/coir.hpp>
#include <cstddef>
#include <span>
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

TEST_CASE("rule 267: read gives what is there, and nothing at the end", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        CHECK(a.read(0).empty());
        b.write("abcdef");
        CHECK(a.read(4) == "abcd");
        char buffer[16];
        CHECK(a.read(buffer) == 2);
        CHECK(std::string(buffer, 2) == "ef");
        CHECK_FALSE(a.at_eof());
        b.write("rest");
        b.write_eof();
        CHECK(a.read_all() == "rest");
        CHECK(a.at_eof());
        CHECK(a.read(10).empty());
        CHECK(a.read(buffer) == 0);
    });
}

TEST_CASE("rule 267: read_all keeps to its limit and loses nothing", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("0123456789");
        b.write_eof();
        try {
            a.read_all(9);
            FAIL("no error");
        } catch (const coir::LimitOverrunError& error) {
            CHECK(error.consumed() == 10);
        }
        CHECK(a.read_all(10) == "0123456789");
    });
}

TEST_CASE("net: bytes go in and out of ranges of bytes of every kind", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        const std::vector<unsigned char> vector{1, 2, 3};
        const std::array<std::byte, 2> array{std::byte{4}, std::byte{5}};
        char raw[3] = {'x', '\0', 'y'};
        const char* pointer = "text";
        a.write(vector);
        a.write(array);
        a.write(raw);
        a.write("lit");
        a.write(pointer);
        a.write(std::string("s\0s", 3));
        a.write(std::span<const unsigned char>(vector).first(1));
        const std::string all = b.read_exactly(19);
        CHECK(all == std::string("\1\2\3\4\5x\0ylittexts\0s\1", 19));
        a.write("0123456789abcdefghij");
        std::array<std::byte, 4> bytes;
        std::vector<unsigned char> more(4);
        std::string text(4, ' ');
        char plain[4];
        b.read_exactly(bytes);
        b.read_exactly(more);
        b.read_exactly(text);
        b.read_exactly(plain);
        CHECK(bytes[3] == std::byte{'3'});
        CHECK(more[0] == '4');
        CHECK(text == "89ab");
        CHECK(std::string(plain, 4) == "cdef");
        b.read_exactly(std::span(text).first(2));
        CHECK(text == "ghab");
    });
}

TEST_CASE("rule 268: readline reads to the LF, then what is left, then nothing", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("one\ntwo\n\npart");
        b.write_eof();
        CHECK(a.readline() == "one\n");
        CHECK(a.readline() == "two\n");
        CHECK(a.readline() == "\n");
        CHECK(a.readline() == "part");
        CHECK(a.readline() == std::nullopt);
        CHECK(a.readline() == std::nullopt);
    });
}

TEST_CASE("rule 268: readline puts a line together from pieces", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& reader = a;
        auto& b = pair.second;
        auto line = coir::create_task([&reader] { return reader.readline(); });
        for (const char* piece : {"a", "bc", "\nd"}) {
            b.write(piece);
            coir::yield_now();
        }
        CHECK(coir::await(line) == "abc\n");
        CHECK(a.read(10) == "d");
    });
}

TEST_CASE("rule 269: a line over the limit is dropped, the rest is kept", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair({.limit = 4});
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("1234\n12345\nok\n");
        CHECK(a.readline() == "1234\n");
        CHECK_THROWS_AS(a.readline(), coir::LimitOverrunError);
        CHECK(a.readline() == "ok\n");
    });
}

TEST_CASE("rule 269, S9: what has come of an endless line is dropped", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair({.limit = 4});
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("123456789");
        CHECK_THROWS_AS(a.readline(), coir::LimitOverrunError);
        b.write("x\nnext\n");
        CHECK(a.readline() == "x\n");
        CHECK(a.readline() == "next\n");
    });
}

TEST_CASE("rule 270: read_until finds a separator that comes in pieces", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& reader = a;
        auto& b = pair.second;
        auto block = coir::create_task([&reader] { return reader.read_until("\r\n\r\n"); });
        for (const char* piece : {"head\r", "\n", "\r", "\nbody"}) {
            b.write(piece);
            coir::sleep(1ms);
        }
        CHECK(coir::await(block) == "head\r\n\r\n");
        CHECK(a.read(100) == "body");
    });
}

TEST_CASE("rule 271, B78, S9: read_until over the limit leaves everything in place", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair({.limit = 4});
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("12345;6");
        try {
            a.read_until(";");
            FAIL("no error");
        } catch (const coir::LimitOverrunError& error) {
            CHECK(error.consumed() == 5);
        }
        CHECK(a.read_exactly(5) == "12345");
        CHECK(a.read_until(";") == ";");
        b.write("789abc");
        try {
            a.read_until(";");
            FAIL("no error");
        } catch (const coir::LimitOverrunError& error) {
            CHECK(error.consumed() == 7);
        }
        CHECK(a.read_exactly(7) == "6789abc");
    });
}

TEST_CASE("rule 272: read_until at an early end hands over what was left", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("rest");
        b.write_eof();
        try {
            a.read_until(";");
            FAIL("no error");
        } catch (const coir::IncompleteReadError& error) {
            CHECK(error.partial() == "rest");
        }
        CHECK(a.read(10).empty());
        CHECK(a.at_eof());
    });
}

TEST_CASE("rule 273: of several separators the one that ends first counts", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("axyzb,c;d");
        CHECK(a.read_until({"xyzb", "y"}) == "axy");
        CHECK(a.read_until(std::vector<std::string>{";", ","}) == "zb,");
        CHECK(a.read_until(std::array<std::string_view, 2>{";", ","}) == "c;");
        CHECK_THROWS_AS(a.read_until(""), std::invalid_argument);
        CHECK_THROWS_AS(a.read_until(std::vector<std::string>{}), std::invalid_argument);
        CHECK_THROWS_AS(a.read_until({"a", ""}), std::invalid_argument);
    });
}

TEST_CASE("rule 274: read_exactly", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair({.limit = 4});
        auto& a = pair.first;
        auto& b = pair.second;
        CHECK(a.read_exactly(0).empty());
        CHECK_THROWS_AS(a.read_exactly(static_cast<std::size_t>(-1)), std::invalid_argument);
        b.write("0123456789");  // more than the limit
        CHECK(a.read_exactly(8) == "01234567");
        b.write_eof();
        try {
            a.read_exactly(5);
            FAIL("no error");
        } catch (const coir::IncompleteReadError& error) {
            CHECK(error.partial() == "89");
            CHECK(error.expected() == 5);
        }
    });
}

TEST_CASE("rule 274: read_exactly of little may read ahead, and nothing is lost", "[net]") {
    run_in_loop([] {
        auto pair = coir_test::tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.write("headbody and more");
        char head[4];
        a.read_exactly(head);
        CHECK(std::string_view(head, 4) == "head");
        CHECK(a.read_exactly(4) == "body");
        CHECK(a.read(4) == " and");
        // One that is cancelled takes nothing.
        auto waiting = coir::create_task([&] { return a.read_exactly(20); });
        coir::sleep(1ms);
        waiting.cancel();
        CHECK_THROWS_AS(coir::await(waiting), coir::TaskCancelledError);
        CHECK(a.read_exactly(3) == " mo");
        // What is longer than the stream reads ahead begins with what it has.
        const std::string much(100'000, 'm');
        auto sending = coir::create_task([&] {
            b.write("1234" + much + "5");
            b.write_eof();
        });
        CHECK(a.read_exactly(2) == "re");
        CHECK(a.read_exactly(4) == "1234");
        CHECK(a.read_exactly(much.size()) == much);
        coir::await(sending);
        try {
            a.read_exactly(2);
            FAIL("no error");
        } catch (const coir::IncompleteReadError& error) {
            CHECK(error.partial() == "5");
        }
        CHECK(a.at_eof());
        CHECK(a.read_exactly(0).empty());
        CHECK_THROWS_AS(a.read_exactly(1), coir::IncompleteReadError);
    });
}

TEST_CASE("rule 275, B77: a second concurrent reader is refused, and harms nobody", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& reader = a;
        auto& b = pair.second;
        coir::TaskOptions options;
        options.name = "first reader";
        auto first = coir::create_task(options, [&reader] { return reader.read(10); });
        coir::yield_now();
        CHECK_THROWS_AS(a.read(1), std::logic_error);
        CHECK_THROWS_WITH(a.readline(), Catch::Contains("first reader"));
        b.write("hello");
        CHECK(coir::await(first) == "hello");
        b.write("x");
        CHECK(a.read(1) == "x");
    });
}

TEST_CASE("rule 276: a connection error is thrown to the waiting and every later read", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& reader = a;
        auto& b = pair.second;
        auto waiting =
            coir::create_task([&reader] { return io_error_of([&] { reader.read(10); }); });
        coir::yield_now();
        b.abort();
        CHECK(coir::await(waiting) == ECONNRESET);
        CHECK(io_error_of([&] { a.read(10); }) == ECONNRESET);
        CHECK(io_error_of([&] { a.readline(); }) == ECONNRESET);
    });
}

TEST_CASE("B74: a reset that the writer has heard of is no orderly end for the reader", "[net]") {
    run_in_loop([] {
        auto pair = tcp_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        b.abort();
        coir::wait_readable(a.native_handle());
        CHECK(io_error_of([&] { a.write("x"); }) == ECONNRESET);
        CHECK(io_error_of([&] { a.write("x"); }) == EPIPE);
        CHECK(io_error_of([&] { a.read(10); }) == ECONNRESET);
        CHECK(io_error_of([&] { a.read(10); }) == ECONNRESET);
    });
}

TEST_CASE("rule 281: closing under a reader and a writer ends both", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        for (int way = 0; way < 3; ++way) {
            auto pair = stream_pair();
            auto& a = pair.first;
            auto& stream = a;
            auto reading =
                coir::create_task([&stream] { return io_error_of([&] { stream.read(10); }); });
            auto writing = coir::create_task([&stream] {
                return io_error_of([&] { stream.write(std::string(8 << 20, 'x')); });
            });
            auto queued =
                coir::create_task([&stream] { return io_error_of([&] { stream.write("y"); }); });
            coir::sleep(1ms);
            if (way == 0) a.abort();
            if (way == 1) a = coir::Stream();
            if (way == 2) coir::Stream moved(std::move(a));
            CHECK(coir::await(reading) == ECANCELED);
            CHECK(coir::await(writing) == ECANCELED);
            CHECK(coir::await(queued) == ECANCELED);
        }
    });
}

TEST_CASE("rule 281: a stream that is closed right before its reader's turn takes nothing from whoever has its number next",
          "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const auto next_look = [] {
            const auto looks = [] { return coir::get_running_loop().metrics().turns; };
            for (const auto before = looks(); looks() == before;) coir::yield_now();
        };
        for (const bool moved_from : {false, true}) {
            auto pair = stream_pair();
            auto& a = pair.first;
            auto& b = pair.second;
            char buffer[64];
            for (int i = 0; i < 2; ++i) {  // from now on a reactor knows the descriptor
                auto first = coir::create_task([&] { return a.read(buffer); });
                coir::yield_now();
                b.write("first");
                CHECK(coir::await(first) == 5);
            }
            auto reading = coir::create_task([&] { return a.read(buffer); });
            coir::yield_now();
            next_look();
            b.write("hello");
            next_look();  // its event may have come by now; its turn has not
            if (moved_from) {
                a = coir::Stream();
            } else {
                a.abort();
            }
            auto [c, d] = stream_pair();
            d.write("others'");
            std::size_t got = 0;
            const int error = io_error_of([&] { got = coir::await(reading); });
            CHECK((error == ECANCELED || got == 5));
            CHECK(c.read(buffer) == 7);
        }
    });
}

TEST_CASE("rule 282, D26: a stream that is dropped closes, and loses nothing that was written", "[net]") {
    coir_test::FdCount fds;
    run_in_loop([] {
        const std::string data(100'000, 'd');
        auto pair = tcp_pair();
        auto& b = pair.second;
        {
            coir::Stream dropped(std::move(pair.first));
            auto writing = coir::create_task([&] { dropped.write(data); });
            CHECK(b.read_exactly(1) == "d");
            coir::await(writing);
        }
        CHECK(b.read_all().size() == data.size() - 1);  // then the end, and no reset
    });
}

TEST_CASE("rule 284: a limit of 0 is an error", "[net]") {
    run_in_loop([] {
        CHECK_THROWS_AS(stream_pair({.limit = 0}), std::invalid_argument);
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        CHECK_THROWS_AS(a.set_limit(0), std::invalid_argument);
        CHECK(a.limit() == 64 * 1024);
        a.set_limit(3);
        b.write("1234\n");
        CHECK_THROWS_AS(a.readline(), coir::LimitOverrunError);
    });
}

TEST_CASE("D3: a cancelled read takes nothing out of the stream", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& reader = a;
        auto& b = pair.second;
        const auto cancelled = [&](auto read) {
            auto task = coir::create_task(read);
            coir::sleep(1ms);
            task.cancel();
            CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        };
        b.write("0123");
        cancelled([&] { reader.read_exactly(10); });
        cancelled([&] { reader.readline(); });
        cancelled([&] {
            char buffer[8];
            reader.read_exactly(buffer);
        });
        cancelled([&] { reader.read_until("x"); });
        cancelled([&] { reader.read_all(); });
        b.write("456789");
        CHECK(a.read_exactly(10) == "0123456789");
    });
}

TEST_CASE("D3: bytes are not lost when they come together with a cancellation", "[net]") {
    run_in_loop([] {
        for (int round = 0; round < 50; ++round) {
            auto pair = stream_pair();
            auto& first = pair.first;
            auto& second = pair.second;
            auto pair2 = stream_pair();
            auto& third = pair2.first;
            auto& fourth = pair2.second;
            auto& a = first;
            auto& go = third;
            std::string got;
            coir::Task<void> reader;
            // Ready in the same turn, and first: the other one's bytes have come when it cancels.
            auto canceller = coir::create_task([&] {
                go.read(1);
                reader.cancel();
            });
            reader = coir::create_task([&] {
                got = a.read(10);
                coir::sleep(1h);
            });
            coir::yield_now();
            fourth.write("x");
            second.write("data");
            CHECK_THROWS_AS(coir::await(reader), coir::TaskCancelledError);
            coir::await(canceller);
            if (got.empty()) got = a.read(10);
            CHECK(got == "data");
        }
    });
}

TEST_CASE("net: closed, moved-from and empty streams say EBADF", "[net]") {
    run_in_loop([] {
        auto pair = stream_pair();
        auto& a = pair.first;
        auto& b = pair.second;
        coir::Stream c(std::move(a));
        CHECK(io_error_of([&] { a.read(1); }) == EBADF);
        CHECK(io_error_of([&] { a.write("x"); }) == EBADF);
        CHECK(a.native_handle() == -1);
        CHECK(c.is_open());
        c.close();
        c.close();
        CHECK(io_error_of([&] { c.readline(); }) == EBADF);
        CHECK(io_error_of([&] { c.write("x"); }) == EBADF);
        CHECK(io_error_of([&] { c.peer_name(); }) == EBADF);
        c.write_eof();  // rule 289: a no-op after close
        CHECK(b.read(10).empty());
        int fds[2];
        REQUIRE(::pipe(fds) == 0);
        coir::Fd keep(fds[1]);
        CHECK(io_error_of([&] { coir::Stream pipe{coir::Fd(fds[0])}; }) == ENOTSOCK);
    });
    CHECK_THROWS_AS(coir::Stream(coir::Fd()), std::logic_error);
}

TEST_CASE("D20, B28: a stream is its loop's alone", "[net]") {
    coir::EventLoop one(coir_test::options());
    coir::EventLoop two(coir_test::options());
    coir::Stream kept;
    one.run_until_complete([&] { kept = std::move(stream_pair().first); });
    two.run_until_complete([&] { CHECK_THROWS_AS(kept.read(1), coir::WrongThreadError); });
}

TEST_CASE("net: a stream may outlive its loop", "[net]") {
    coir_test::FdCount fds;
    coir::Stream kept;
    run_in_loop([&] { kept = std::move(stream_pair().first); });
    CHECK(kept.is_open());
    kept.abort();
    CHECK_FALSE(kept.is_open());
    run_in_loop([&] { kept = std::move(stream_pair().first); });
}
