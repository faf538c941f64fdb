// SPDX-License-Identifier: BSL-1.0
// <coir/interop/asio.hpp>: Asio's operations in tasks. Built for the standalone Asio and for Boost.Asio.
#include "support/catch.hpp"
#include "support/run.hpp"

#if COIR_TEST_BOOST_ASIO
#include <boost/asio.hpp>
#else
#include <asio.hpp>
#endif
#include <coir/coir.hpp>
#include <coir/interop/asio.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>

using namespace std::chrono_literals;
namespace net = COIR_ASIO;
using coir::use_await;
using coir_test::run_in_loop;
using net::ip::tcp;

namespace {

// An io_context with a thread of its own.
class Context {
public:
    ~Context() {
        work_.reset();
        io.stop();
        if (thread_.joinable()) thread_.join();
    }
    net::io_context io;

private:
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io);
    std::thread thread_{[this] { io.run(); }};
};

tcp::endpoint here(unsigned short port) { return {net::ip::address_v4::loopback(), port}; }

void echo(tcp::socket& socket) {
    char buffer[256];
    for (;;) {
        coir::AsioErrorCode code;
        const std::size_t got = socket.async_read_some(net::buffer(buffer), use_await[code]);
        if (code == net::error::eof) return;
        CHECK_FALSE(code);
        net::async_write(socket, net::buffer(buffer, got), use_await);
    }
}

// An operation of one's own, with any signature.
template <class Signature, class... Values>
auto finish_with(Values... values) {
    return net::async_initiate<const coir::use_await_t&, Signature>(
        [values...](auto handler) mutable { std::move(handler)(std::move(values)...); }, use_await);
}

}  // namespace

TEST_CASE("use_await: tasks echo through sockets of Asio while others run") {
    run_in_loop([] {
        Context context;
        tcp::acceptor acceptor(context.io, here(0));
        const unsigned short port = acceptor.local_endpoint().port();
        auto server = coir::create_task([&] {
            tcp::socket socket = acceptor.async_accept(use_await);
            echo(socket);
        });
        int ticks = 0;
        auto ticking = coir::create_task([&] {
            for (;; ++ticks) coir::sleep(100us);
        });
        tcp::socket client(context.io);
        client.async_connect(here(port), use_await);
        for (int i = 0; i < 20; ++i) {
            const std::string text = "message " + std::to_string(i);
            CHECK(net::async_write(client, net::buffer(text), use_await) == text.size());
            std::string answer(text.size(), '\0');
            CHECK(net::async_read(client, net::buffer(answer), use_await) == text.size());
            CHECK(answer == text);
        }
        net::steady_timer timer(context.io, 3ms);
        timer.async_wait(use_await);
        client.close();
        coir::await(server);
        CHECK(ticks > 0);
        ticking.cancel();
        coir::wait({ticking.ref()});
    });
}

TEST_CASE("use_await: an error is thrown, or stored where it is asked for") {
    run_in_loop([] {
        Context context;
        unsigned short nobody = 0;
        {
            tcp::acceptor gone(context.io, here(0));
            nobody = gone.local_endpoint().port();
        }
        tcp::socket client(context.io);
        try {
            client.async_connect(here(nobody), use_await);
            FAIL("it was connected");
        } catch (const coir::AsioSystemError& error) {
            CHECK(error.code() == net::error::connection_refused);
        }
        coir::AsioErrorCode code;
        tcp::socket again(context.io);
        again.async_connect(here(nobody), use_await[code]);
        CHECK(code == net::error::connection_refused);
        net::steady_timer timer(context.io, 0ms);
        timer.async_wait(use_await[code]);
        CHECK_FALSE(code);
    });
}

TEST_CASE("use_await: results of all forms") {
    run_in_loop([] {
        finish_with<void()>();
        CHECK(finish_with<void(int)>(5) == 5);
        const std::tuple<int, std::string> two = finish_with<void(int, std::string)>(1, std::string("two"));
        CHECK(two == std::tuple(1, std::string("two")));
        CHECK(*finish_with<void(coir::AsioErrorCode, std::shared_ptr<int>)>(coir::AsioErrorCode(),
                                                                            std::make_shared<int>(3)) == 3);
        CHECK(finish_with<void(std::exception_ptr, int)>(std::exception_ptr(), 4) == 4);
        CHECK_THROWS_WITH(
            (finish_with<void(std::exception_ptr)>(std::make_exception_ptr(std::runtime_error("of a handler")))),
            "of a handler");
    });
}

#if COIR_ASIO_CAN_CANCEL
TEST_CASE("use_await: cancelling the task cancels the operation, and a timeout does") {
    run_in_loop([] {
        Context context;
        net::steady_timer timer(context.io, 1h);
        auto task = coir::create_task([&] { timer.async_wait(use_await); });
        coir::yield_now();
        task.cancel();
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);

        tcp::acceptor acceptor(context.io, here(0));
        CHECK_THROWS_AS(coir::with_timeout(5ms, [&] { acceptor.async_accept(use_await); }), coir::TimeoutError);
        bool begun = false;
        auto never = coir::create_task([&] {
            coir::no_cancel([] { coir::yield_now(); });
            begun = true;
            timer.async_wait(use_await);
        });
        coir::yield_now();
        never.cancel();
        CHECK_THROWS_AS(coir::await(never), coir::TaskCancelledError);
        CHECK(begun);
    });
}
#endif

TEST_CASE("use_await: an io_context that ends breaks what waits for it") {
    run_in_loop([] {
        auto io = std::make_unique<net::io_context>();
        auto task = coir::create_task([&] { net::post(*io, use_await); });
        coir::yield_now();
        io.reset();  // nobody has run it
        CHECK_THROWS_AS(coir::await(task), coir::BrokenPromise);
    });
}

TEST_CASE("use_await is for tasks, and says so elsewhere") {
    net::io_context io;
    net::steady_timer timer(io, 1h);
    CHECK_THROWS_AS(timer.async_wait(use_await), std::logic_error);
}

TEST_CASE("use_await_t::as_default_on: operations that need no token") {
    run_in_loop([] {
        Context context;
        auto timer = coir::use_await_t::as_default_on(net::steady_timer(context.io, 1ms));
        timer.async_wait();
        CHECK(timer.expiry() <= net::steady_timer::clock_type::now());
    });
}
