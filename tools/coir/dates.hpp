// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace coir_tool {

/// Now, in UTC: "2026-01-31T12:00:00Z".
std::string date_now();

}  // namespace coir_tool
