// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <coir/reactor.hpp>

#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// A reactor for one loop in `world`, as the seed or the options want it.
std::unique_ptr<Reactor> make_world_reactor(std::shared_ptr<World> world);
/// The one on a simulated io_uring.
std::unique_ptr<Reactor> make_ring_reactor(std::shared_ptr<World> world);

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
