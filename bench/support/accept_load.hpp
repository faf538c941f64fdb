// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>

#include "endpoint.hpp"
#include "load.hpp"

namespace coir_bench {

struct AcceptLoadPlan {
  Endpoint server;
  std::size_t at_once = 64;
  std::size_t size = 64;  // bytes of the one message of a connection, at least 1
};

// Connects to an echo server, exchanges one message and closes, by reset; so many at once. An answer
// counts from the call of connect.
std::unique_ptr<Load> make_accept_load(const AcceptLoadPlan& plan);

}  // namespace coir_bench
