// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// The registry's row of the simulator: never chosen automatically.
ReactorFactory sim_factory();

}  // namespace detail
}  // namespace v0
}  // namespace coir
