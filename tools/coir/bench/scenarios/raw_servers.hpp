// SPDX-License-Identifier: BSL-1.0
// Echo servers as one writes them without coir: what a reactor is to be measured against.
#pragma once

#include "bench/served.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace coir_tool {

/// "raw-epoll", "raw-io_uring", "raw-io_uring-multishot", "raw-poll": loops that do nothing else;
/// "threads": a thread for each connection. Those that this kernel lacks fail when they are asked.
std::vector<std::string> raw_echo_servers();

/// Serves TCP on loopback until it is killed. REQUIRES: one of those names.
void serve_raw_echo(const std::string& name, std::size_t buffer_size, const Ready& ready);

}  // namespace coir_tool
