// SPDX-License-Identifier: BSL-1.0
// Asio with C++20 coroutines: one for each connection.
#include <exception>
#include <utility>

#include "asio_peer.hpp"

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

awaitable<void> echo(tcp::socket socket) {
  try {
    char data[peer_buffer_size];
    for (;;) {
      const std::size_t got = co_await socket.async_read_some(asio::buffer(data), use_awaitable);
      co_await asio::async_write(socket, asio::buffer(data, got), use_awaitable);
    }
  } catch (const asio::system_error&) {
    // The end of the stream, or the client is gone.
  }
}

awaitable<void> serve(tcp::acceptor& acceptor) {
  for (;;) {
    asio::error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
    if (error) continue;
    socket.set_option(tcp::no_delay(true), error);
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  peer_begin(argc, argv, "asio-coroutines", peer::asio_version().c_str());
  asio::io_context context(peer::one_thread);
  tcp::acceptor acceptor = peer::listen(context);
  asio::posix::stream_descriptor input(context, STDIN_FILENO);
  peer::stop_at_end(input, context);
  asio::co_spawn(context, serve(acceptor), asio::detached);
  context.run();
  return 0;
} catch (const std::exception& error) {
  peer_fail("asio-coroutines", "failed", error.what());
}
