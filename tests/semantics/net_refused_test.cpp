// SPDX-License-Identifier: BSL-1.0
// Names, paths and ports that cannot be: refused before any system call.
#include <coir/coir.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"
#include "support/world.hpp"

using coir_test::io_error_of;

namespace {

class CountingSys final : public coir::detail::Sys {
public:
    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override {
        ++calls;
        return coir::detail::real_sys().call(number, a, b, c, d, e, f);
    }
    long calls = 0;
};
CountingSys counting_sys;

const bool registered = coir_test::register_world<counting_sys>("counting");

}  // namespace

TEST_CASE("S11: net: impossible names, paths and ports are refused before any system call", "[net]") {
    REQUIRE(registered);
    coir::RunOptions options = coir_test::options();
    options.reactor = "counting";
    coir_test::run_in_loop(
        [] {
            auto handler = [](coir::Stream&) {};
            const std::string long_host(254, 'h');
            const std::string_view with_nul("a\0b", 3);
            const std::string long_path = "/tmp/" + std::string(103, 'p');
            REQUIRE(long_path.size() == 108);
            long before = counting_sys.calls;
            {
                auto works = coir::Listener::listen("127.0.0.1", 0);
                CHECK(counting_sys.calls > before);
                CHECK(coir::open_connection("127.0.0.1", works.port()).is_open());
            }
            before = counting_sys.calls;
            for (const int port : {-1, 65536}) {
                CHECK_THROWS_AS(coir::open_connection("127.0.0.1", port), std::invalid_argument);
                CHECK_THROWS_AS(coir::start_server(handler, "127.0.0.1", port),
                                std::invalid_argument);
                CHECK_THROWS_AS(coir::Listener::listen("127.0.0.1", port), std::invalid_argument);
                CHECK_THROWS_AS(coir::UdpSocket::open("127.0.0.1", port), std::invalid_argument);
                CHECK_THROWS_AS(coir::getaddrinfo("localhost", port), std::invalid_argument);
                CHECK_THROWS_AS(coir::Address("127.0.0.1", port), std::invalid_argument);
            }
            for (const std::string_view host : {std::string_view(long_host), with_nul}) {
                CHECK_THROWS_AS(coir::open_connection(host, 1), std::invalid_argument);
                CHECK_THROWS_AS(coir::start_server(handler, host, 0), std::invalid_argument);
                CHECK_THROWS_AS(coir::Listener::listen(host, 0), std::invalid_argument);
                CHECK_THROWS_AS(coir::UdpSocket::open(host, 0), std::invalid_argument);
                CHECK_THROWS_AS(coir::getaddrinfo(host, 1), std::invalid_argument);
            }
            CHECK_THROWS_AS(coir::getaddrinfo("localhost", with_nul), std::invalid_argument);
            CHECK(io_error_of([&] { coir::open_unix_connection(long_path); }) == ENAMETOOLONG);
            CHECK(io_error_of([&] { coir::start_unix_server(handler, long_path); }) ==
                  ENAMETOOLONG);
            for (const std::string_view path : {std::string_view(), with_nul}) {
                CHECK_THROWS_AS(coir::open_unix_connection(path), std::invalid_argument);
                CHECK_THROWS_AS(coir::start_unix_server(handler, path), std::invalid_argument);
            }
            CHECK_THROWS_AS(coir::start_server(handler, "127.0.0.1", 0, {.limit = 0}),
                            std::invalid_argument);
            CHECK(counting_sys.calls == before);
        },
        options);
}
