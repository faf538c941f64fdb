// SPDX-License-Identifier: BSL-1.0
// What the rounds of one case on one reactor amount to, alone and compared with a base reactor.
#pragma once

#include "sample.hpp"

#include "support/statistics.hpp"

#include <optional>
#include <vector>

namespace coir_tool {

enum class Finding : unsigned char { too_few_rounds, same, faster, slower };

/// Compared with another reactor, round by round.
struct Comparison {
    double ratio = 1;                     ///< median over the rounds of this value / the base's
    coir_bench::Interval ratio_interval;  ///< 95 %, by resampling the rounds
    double speed = 1;  ///< the ratio or its inverse: above 1 is better, whatever the unit
    coir_bench::Interval speed_interval;
    Finding finding = Finding::too_few_rounds;
};

struct Summary {
    double median = 0;
    double min = 0;
    double max = 0;
    double deviation = 0;  ///< median absolute deviation
    Sample typical;  ///< medians of everything else, over the rounds in which it was measured
};

/// From this many rounds on there is an interval: below, even the range from the least to the
/// greatest misses the true median more often than one time in ten.
inline constexpr std::size_t rounds_for_interval = 5;

/// What is nearer to 1 than this is the same, however steady it is: half of the last digit shown.
inline constexpr double least_effect = 0.005;

/// REQUIRES: `samples` is not empty.
Summary summarise(const std::vector<Sample>& samples);
/// REQUIRES: as many samples as base samples, at least one.
Comparison compare(const std::vector<Sample>& samples, const std::vector<Sample>& base,
                   bool higher_is_better);
/// The same from ratios at hand, where above 1 is better. REQUIRES: not empty.
Comparison compare_speeds(const std::vector<double>& speeds);

}  // namespace coir_tool
