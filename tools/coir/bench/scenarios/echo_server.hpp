// SPDX-License-Identifier: BSL-1.0
// Echo servers of every kind of subject.
#pragma once

#include "bench/served.hpp"

#include "support/endpoint.hpp"

#include <coir/byte_stream.hpp>

#include <cstddef>

namespace coir_tool {

/// A server that sends back what it is sent, on the transport; how to connect is the caller's to say.
/// Baselines: raw_echo_servers(). Peers are TCP servers.
Served echo_server(const Subject& subject, coir_bench::Transport transport, std::size_t buffer_size);

/// Copies until `from` ends, or either breaks.
void copy(coir::ByteStream& from, coir::ByteStream& to, std::size_t buffer_size);

}  // namespace coir_tool
