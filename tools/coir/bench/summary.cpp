// SPDX-License-Identifier: BSL-1.0
#include "summary.hpp"

#include <algorithm>
#include <cstddef>

namespace coir_tool {
namespace {

double median_of(const std::vector<Sample>& samples, double Sample::*field) {
    std::vector<double> values;
    for (const Sample& sample : samples) {
        if (!is_absent(sample.*field)) values.push_back(sample.*field);
    }
    return values.empty() ? absent : coir_bench::median(std::move(values));
}

}  // namespace

Summary summarise(const std::vector<Sample>& samples) {
    std::vector<double> values;
    for (const Sample& sample : samples) values.push_back(sample.value);
    Summary summary;
    summary.median = coir_bench::median(values);
    summary.deviation = coir_bench::median_absolute_deviation(values);
    summary.min = *std::min_element(values.begin(), values.end());
    summary.max = *std::max_element(values.begin(), values.end());
    summary.typical.value = summary.median;
    summary.typical.operations = median_of(samples, &Sample::operations);
    for (const Metric& metric : metrics) {
        summary.typical.*metric.field = median_of(samples, metric.field);
    }
    return summary;
}

Comparison compare_speeds(const std::vector<double>& speeds) {
    Comparison comparison;
    comparison.speed = coir_bench::median(speeds);
    comparison.speed_interval = coir_bench::bootstrap_median(speeds);
    comparison.ratio = comparison.speed;
    comparison.ratio_interval = comparison.speed_interval;
    if (speeds.size() < rounds_for_interval) return comparison;
    const bool above = comparison.speed_interval.low > 1 + least_effect;
    const bool below = comparison.speed_interval.high < 1 - least_effect;
    comparison.finding = above ? Finding::faster : below ? Finding::slower : Finding::same;
    return comparison;
}

Comparison compare(const std::vector<Sample>& samples, const std::vector<Sample>& base,
                   bool higher_is_better) {
    std::vector<double> ratios;
    std::vector<double> speeds;
    for (std::size_t round = 0; round < samples.size(); ++round) {
        ratios.push_back(samples[round].value / base[round].value);
        speeds.push_back(higher_is_better ? ratios.back() : 1 / ratios.back());
    }
    Comparison comparison = compare_speeds(speeds);
    comparison.ratio = coir_bench::median(ratios);
    comparison.ratio_interval = coir_bench::bootstrap_median(ratios);
    return comparison;
}

}  // namespace coir_tool
