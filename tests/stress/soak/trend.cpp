// SPDX-License-Identifier: BSL-1.0
#include "trend.hpp"

#include "soak.hpp"

#include <algorithm>

namespace coir_soak {
namespace {

// What is seen at one moment differs by what is under way; the middle of many hardly does.
constexpr double most_growth_bytes = 4 << 20;
constexpr std::size_t most_more_descriptors = 16;
constexpr std::size_t most_more_mappings = 64;

template <class T>
T middle_of(const std::vector<Usage>& samples, std::size_t begin, std::size_t end, T Usage::*part) {
    std::vector<T> values;
    for (std::size_t i = begin; i < end; ++i) values.push_back(samples[i].*part);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

Usage middle_of(const std::vector<Usage>& samples, std::size_t begin, std::size_t end) {
    return {middle_of(samples, begin, end, &Usage::resident), middle_of(samples, begin, end, &Usage::descriptors),
            middle_of(samples, begin, end, &Usage::mappings)};
}

std::string text_of(const Usage& usage) {
    return mebibytes(usage.resident) + ", " + whole(usage.descriptors) + " descriptors, " + whole(usage.mappings) +
           " mappings";
}

}  // namespace

Trend::Ends Trend::ends() const {
    const std::size_t warm = samples_.size() / 4;
    const std::size_t third = (samples_.size() - warm) / 3;
    require(third >= 3, "only " + whole(samples_.size()) + " samples: too few to see a trend; allowed: 12 or more");
    return {middle_of(samples_, warm, warm + third), middle_of(samples_, samples_.size() - third, samples_.size())};
}

void Trend::check() const {
    const auto [early, late] = ends();
    const bool flat = late.resident <= early.resident + most_growth_bytes &&
                      late.descriptors <= early.descriptors + most_more_descriptors &&
                      late.mappings <= early.mappings + most_more_mappings;
    require(flat, "it grows: early " + text_of(early) + "; last " + text_of(late));
}

std::string Trend::figures() const {
    const auto [early, late] = ends();
    return "early " + text_of(early) + "; last " + text_of(late);
}

}  // namespace coir_soak
