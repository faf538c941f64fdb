// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor, for the registry.
#pragma once

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// The row of the reactor "io_uring" (rank 50). Parameters: `entries=N` (2 to 4096, default 256)
/// and `mode=defer|single|coop|plain`, the first rung of the set-up ladder to try.
ReactorFactory io_uring_factory();

}  // namespace detail
}  // namespace v0
}  // namespace coir
