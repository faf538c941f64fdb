// SPDX-License-Identifier: BSL-1.0
// Asio with callbacks: a connection is owned by the handler that waits for it.
#include <array>
#include <exception>
#include <memory>
#include <utility>

#include "asio_peer.hpp"

namespace {

using asio::ip::tcp;

struct Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  std::array<char, peer_buffer_size> data;
};

// Ends, and closes the connection, with the first error; the end of the stream is one.
void echo(std::unique_ptr<Connection> owner) {
  Connection& connection = *owner;
  connection.socket.async_read_some(
      asio::buffer(connection.data),
      [owner = std::move(owner)](const asio::error_code& error, std::size_t got) mutable {
        if (error) return;
        Connection& same = *owner;
        asio::async_write(
            same.socket, asio::buffer(same.data, got),
            [owner = std::move(owner)](const asio::error_code& failure, std::size_t) mutable {
              if (!failure) echo(std::move(owner));
            });
      });
}

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](const asio::error_code& error, tcp::socket socket) {
    if (!error) {
      asio::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      echo(std::make_unique<Connection>(std::move(socket)));
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  peer_begin(argc, argv, "asio", peer::asio_version().c_str());
  asio::io_context context(peer::one_thread);
  tcp::acceptor acceptor = peer::listen(context);
  asio::posix::stream_descriptor input(context, STDIN_FILENO);
  peer::stop_at_end(input, context);
  accept(acceptor);
  context.run();
  return 0;
} catch (const std::exception& error) {
  peer_fail("asio", "failed", error.what());
}
