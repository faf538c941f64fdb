// SPDX-License-Identifier: BSL-1.0
// Asio's sockets in tasks: code that waits with use_await, where there were callbacks.
#include <asio.hpp>
#include <coir/coir.hpp>
#include <coir/interop/asio.hpp>
#include <cstdio>
#include <string>
#include <thread>

using asio::ip::tcp;
using coir::use_await;

void echo(tcp::socket socket) {
    char buffer[1024];
    asio::error_code code;
    for (;;) {
        const std::size_t got = socket.async_read_some(asio::buffer(buffer), use_await[code]);
        if (code) return;  // the end of the stream
        asio::async_write(socket, asio::buffer(buffer, got), use_await);
    }
}

int main() {
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    std::thread runner([&io] { io.run(); });  // Asio's operations are done there, the tasks run here

    coir::run([&io] {
        tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
        auto server = coir::create_task([&] { echo(acceptor.async_accept(use_await)); });

        tcp::socket client(io);
        client.async_connect(acceptor.local_endpoint(), use_await);
        asio::async_write(client, asio::buffer("hello", 5), use_await);
        std::string answer(5, '\0');
        asio::async_read(client, asio::buffer(answer), use_await);
        std::printf("%s\n", answer.c_str());
        client.close();
        coir::await(server);
    });
    work.reset();
    runner.join();
}
