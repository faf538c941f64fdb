// SPDX-License-Identifier: BSL-1.0
// What the two Asio peers share: the listener, and the end of standard input.
#pragma once

#include <asio.hpp>
#include <string>

#include "peer.h"

namespace peer {

inline std::string asio_version() {
  return std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) +
         "." + std::to_string(ASIO_VERSION % 100);
}

// For one thread that does everything: the scheduler and the reactor take no locks.
inline constexpr int one_thread = ASIO_CONCURRENCY_HINT_UNSAFE;

inline asio::ip::tcp::acceptor listen(asio::io_context& context) {
  using asio::ip::tcp;
  tcp::acceptor acceptor(context, tcp::v4());
  acceptor.bind({asio::ip::address_v4::loopback(), 0});
  acceptor.listen(peer_backlog);
  peer_print_port(acceptor.local_endpoint().port());
  return acceptor;
}

inline void stop_at_end(asio::posix::stream_descriptor& input, asio::io_context& context) {
  using Descriptor = asio::posix::stream_descriptor;
  input.async_wait(Descriptor::wait_read, [&](const asio::error_code& error) {
    if (error || peer_input_ended()) {
      context.stop();
    } else {
      stop_at_end(input, context);
    }
  });
}

}  // namespace peer
