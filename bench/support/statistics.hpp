// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <vector>

namespace coir_bench {

// REQUIRES, for all three: `values` is not empty.
double median(std::vector<double> values);

// Median of the distances from the median: a spread which one bad round does not move.
double median_absolute_deviation(const std::vector<double>& values);

struct Interval {
  double low = 0;
  double high = 0;
};

// 95 % interval of the median by resampling. The seed is fixed: the same values always give the
// same interval.
Interval bootstrap_median(const std::vector<double>& values);

// A 95 % confidence interval of the median of `values` divided by that of `base`, for measurements
// that were not paired: both are resampled, each by itself. REQUIRES: neither is empty.
Interval bootstrap_median_ratio(const std::vector<double>& values, const std::vector<double>& base);

}  // namespace coir_bench
