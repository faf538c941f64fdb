// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "../support/system.hpp"

// One message of any size through a Unix socket, and one byte back, over and over.
namespace coir_bench {

struct TransferPair {
  TransferPair();
  UniqueFd near;
  UniqueFd far;
};

// How many messages of this size one slice moves.
std::size_t transfers_of(std::size_t bytes);

}  // namespace coir_bench
