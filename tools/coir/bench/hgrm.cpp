// SPDX-License-Identifier: BSL-1.0
#include "hgrm.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace coir_tool {
namespace {

constexpr double ns_per_unit = 1000;

struct Moments {
    double mean = 0;
    double deviation = 0;
};

Moments moments_of(const std::vector<LatencyPoint>& latency) {
    double sum = 0;
    double squares = 0;
    std::uint64_t before = 0;
    for (const LatencyPoint& point : latency) {
        const auto count = static_cast<double>(point.count - before);
        before = point.count;
        const double value = point.ns / ns_per_unit;
        sum += count * value;
        squares += count * value * value;
    }
    const auto total = static_cast<double>(latency.back().count);
    const double mean = sum / total;
    return {mean, std::sqrt(std::max(0.0, squares / total - mean * mean))};
}

}  // namespace

std::string format_hgrm(const std::vector<LatencyPoint>& latency) {
    std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    const auto total = static_cast<double>(latency.back().count);
    char line[128];
    for (const LatencyPoint& point : latency) {
        const double share = static_cast<double>(point.count) / total;
        const double value = point.ns / ns_per_unit;
        const auto count = static_cast<unsigned long long>(point.count);
        if (point.count == latency.back().count) {
            std::snprintf(line, sizeof line, "%12.3f %14.12f %10llu\n", value, share, count);
        } else {
            std::snprintf(line, sizeof line, "%12.3f %14.12f %10llu %14.2f\n", value, share, count,
                          1 / (1 - share));
        }
        text += line;
    }
    const Moments moments = moments_of(latency);
    std::snprintf(line, sizeof line, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", moments.mean,
                  moments.deviation);
    text += line;
    std::snprintf(line, sizeof line, "#[Max     = %12.3f, Total count    = %12llu]\n",
                  latency.back().ns / ns_per_unit,
                  static_cast<unsigned long long>(latency.back().count));
    text += line;
    std::snprintf(line, sizeof line, "#[Buckets = %12d, SubBuckets     = %12zu]\n", 1, latency.size());
    return text + line;
}

}  // namespace coir_tool
