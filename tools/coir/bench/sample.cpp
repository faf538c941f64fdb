// SPDX-License-Identifier: BSL-1.0
#include "sample.hpp"

#include <algorithm>

namespace coir_tool {

void set_latency(Measured& measured, std::shared_ptr<const coir_bench::Histogram> latency) {
    Sample& sample = measured.sample;
    sample.max_ns = static_cast<double>(latency->max());
    // A quantile is the middle of a bucket, which may lie above the greatest value in it.
    const auto quantile = [&](double fraction) {
        return std::min(latency->quantile(fraction), sample.max_ns);
    };
    sample.p50_ns = quantile(0.5);
    sample.p90_ns = quantile(0.9);
    sample.p99_ns = quantile(0.99);
    sample.p999_ns = quantile(0.999);
    measured.latency = std::move(latency);
}

}  // namespace coir_tool
