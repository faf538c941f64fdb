// SPDX-License-Identifier: BSL-1.0
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>

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

Interval bootstrap_median(const std::vector<double>& values) {
  constexpr std::size_t kResamples = 2000;
  std::mt19937 random(20240229);
  // Not std::uniform_int_distribution: its sequence differs between standard libraries.
  const auto pick = [&] { return values[random() % values.size()]; };

  std::vector<double> medians(kResamples);
  std::vector<double> sample(values.size());
  for (double& resampled : medians) {
    std::generate(sample.begin(), sample.end(), pick);
    resampled = median(sample);
  }
  std::sort(medians.begin(), medians.end());
  return {medians[kResamples * 25 / 1000], medians[kResamples * 975 / 1000 - 1]};
}

}  // namespace coir_bench
