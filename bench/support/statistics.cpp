// SPDX-License-Identifier: BSL-1.0
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <utility>

namespace coir_bench {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double median_absolute_deviation(const std::vector<double>& values) {
  const double centre = median(values);
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::fabs(value - centre));
  return median(std::move(distances));
}

namespace {

constexpr std::size_t kResamples = 2000;

// Draws as many values as there are, with replacement, and takes their median.
class Resampler {
 public:
  explicit Resampler(const std::vector<double>& values) : values_(values), drawn_(values.size()) {}

  double operator()(std::mt19937& random) {
    // Not std::uniform_int_distribution: its sequence differs between standard libraries.
    for (double& value : drawn_) value = values_[random() % values_.size()];
    return median(drawn_);
  }

 private:
  const std::vector<double>& values_;
  std::vector<double> drawn_;
};

Interval interval_of(std::vector<double> resampled) {
  std::sort(resampled.begin(), resampled.end());
  return {resampled[kResamples * 25 / 1000], resampled[kResamples * 975 / 1000 - 1]};
}

}  // namespace

Interval bootstrap_median(const std::vector<double>& values) {
  std::mt19937 random(20240229);
  Resampler resample(values);
  std::vector<double> medians(kResamples);
  for (double& one : medians) one = resample(random);
  return interval_of(std::move(medians));
}

Interval bootstrap_median_ratio(const std::vector<double>& values, const std::vector<double>& base) {
  std::mt19937 random(20240229);
  Resampler resample_values(values);
  Resampler resample_base(base);
  std::vector<double> ratios(kResamples);
  for (double& ratio : ratios) ratio = resample_values(random) / resample_base(random);
  return interval_of(std::move(ratios));
}

}  // namespace coir_bench
