// SPDX-License-Identifier: BSL-1.0
#include "dates.hpp"

#include <ctime>

namespace coir_tool {

std::string date_now() {
    const std::time_t now = std::time(nullptr);
    char date[32] = "";
    std::tm parts{};
    if (::gmtime_r(&now, &parts)) std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return date;
}

}  // namespace coir_tool
