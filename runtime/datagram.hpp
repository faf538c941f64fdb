// SPDX-License-Identifier: BSL-1.0
// Datagrams, one by one and many at once, for Socket and UdpSocket.
#pragma once

#include <coir/socket.hpp>
#include <coir/udp.hpp>
#include <cstddef>
#include <span>
#include <string_view>

#include "socket_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// To `to`, or to the connected peer when that is empty.
std::size_t send_datagram(SocketState& socket, std::string_view bytes, const Address& to,
                          int flags);
Datagram receive_datagram(SocketState& socket, void* into, std::size_t size, int flags);

/// Sends them in order. `done`: how many have gone out; the next one is whose error is thrown.
void send_datagrams(SocketState& socket, std::span<const OutgoingDatagram> datagrams,
                    std::size_t& done);
/// Waits for one, and takes what else is there.
std::size_t receive_datagrams(SocketState& socket, std::span<IncomingDatagram> datagrams);

}  // namespace detail
}  // namespace v0
}  // namespace coir
