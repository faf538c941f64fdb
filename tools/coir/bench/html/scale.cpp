// SPDX-License-Identifier: BSL-1.0
#include "bench/html/scale.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace coir_tool {
namespace {

// Where powers of ten and their sums are neither 0 nor infinite.
double within_reach(double value) { return std::clamp(value, 1e-300, 1e300); }

// The greatest of 1, 2 and 5 times a power of ten that is not above `value`.
double round_down(double value) {
    const double power = std::pow(10, std::floor(std::log10(value)));
    // A power may come out a hair above the value that it is.
    constexpr double nearly = 1 - 1e-9;
    for (const double digit : {5.0, 2.0}) {
        if (value >= digit * power * nearly) return digit * power;
    }
    return power;
}

double round_up(double value) {
    const double below = round_down(value);
    if (below >= value * (1 - 1e-9)) return below;
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double digit : {2.0, 5.0}) {
        if (value <= digit * power) return digit * power;
    }
    return 10 * power;
}

std::vector<double> linear_ticks(double high, std::size_t most) {
    const double step = round_up(high / static_cast<double>(most));
    std::vector<double> ticks;
    for (std::size_t i = 0; static_cast<double>(i) * step <= high && i <= 2 * most; ++i) {
        ticks.push_back(static_cast<double>(i) * step);
    }
    return ticks;
}

// Powers of ten, with 2 and 5 between them where there is room, or only some of them.
std::vector<double> logarithmic_ticks(double low, double high, std::size_t most) {
    const double decades = high - low;
    const bool between = decades * 3 <= static_cast<double>(most);
    const double stride =
        between ? 1 : std::max(1.0, std::ceil(decades / static_cast<double>(most)));
    std::vector<double> ticks;
    constexpr double hair = 1e-9;
    for (double exponent = std::floor(low); exponent <= high + hair; exponent += stride) {
        for (const double digit : {1.0, 2.0, 5.0}) {
            if (digit > 1 && !between) break;
            const double at = exponent + std::log10(digit);
            if (at >= low - hair && at <= high + hair) ticks.push_back(digit * std::pow(10, exponent));
        }
    }
    return ticks;
}

}  // namespace

Scale Scale::linear(double highest) {
    return {Kind::linear, 0, highest > 0 ? within_reach(highest) * 1.05 : 1};
}

Scale Scale::logarithmic(double lowest, double highest) {
    const double low = std::log10(round_down(within_reach(lowest)));
    return {Kind::logarithmic, low, std::max(std::log10(round_up(within_reach(highest))), low + 0.5)};
}

Scale Scale::logarithmic_within(double lowest, double highest) {
    const double low = std::log10(within_reach(lowest));
    const double high = std::log10(within_reach(highest));
    const double room = std::max(0.1, (high - low) * 0.06);
    return {Kind::logarithmic, low - room, high + room};
}

Scale Scale::percentiles(double nines) { return {Kind::percentiles, 0, nines}; }

double Scale::position(double value) const {
    switch (kind_) {
        case Kind::linear:
            return value;
        case Kind::logarithmic:
            return value > 0 ? std::log10(value) : low_;
        case Kind::percentiles:
            break;
    }
    return value < 1 ? -std::log10(1 - value) : high_;
}

double Scale::share(double value) const {
    return std::clamp((position(value) - low_) / (high_ - low_), 0.0, 1.0);
}

std::vector<double> Scale::ticks(std::size_t most) const {
    switch (kind_) {
        case Kind::linear:
            return linear_ticks(high_, most);
        case Kind::logarithmic:
            return logarithmic_ticks(low_, high_, most);
        case Kind::percentiles:
            break;
    }
    std::vector<double> ticks;
    for (const double share : {0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999}) {
        if (position(share) <= high_ + 1e-9) ticks.push_back(share);
    }
    return ticks;
}

}  // namespace coir_tool
