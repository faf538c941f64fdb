// SPDX-License-Identifier: BSL-1.0
// The loads that a user may say theirs is like.
#pragma once

#include "bench/workload.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coir_tool {

struct PickLoadPlan {
    double budget = 20;                      ///< seconds for everything
    std::optional<std::size_t> connections;  ///< nothing: few, some and many
    std::size_t size = 64;                   ///< bytes of a message
    bool ring_load = false;                  ///< see can_load_by_ring()
};

struct PickLoad {
    std::string name;
    std::string summary;  ///< one line
    bool has_connections = true;
    std::function<std::vector<Workload>(const PickLoadPlan&)> make;
};

/// All of them, in the order of the help text.
const std::vector<PickLoad>& pick_loads();

}  // namespace coir_tool
