// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coir_scenarios {

/// The main task of the scenario echo_storm.
void echo_storm();

}  // namespace coir_scenarios
