// SPDX-License-Identifier: BSL-1.0
// Where a value stands on an axis, and which values an axis names.
#pragma once

#include <vector>

namespace coir_tool {

class Scale {
public:
    /// From 0 to a little above `highest`.
    static Scale linear(double highest);
    /// From a round number at or below `lowest` to one at or above `highest`; both above 0.
    static Scale logarithmic(double lowest, double highest);
    /// Exactly from `lowest` to `highest`, logarithmic, with room at both ends.
    static Scale logarithmic_within(double lowest, double highest);
    /// Percentiles as shares of 1: each nine more is as far as the one before; up to `nines`.
    static Scale percentiles(double nines);

    /// 0 at the low end, 1 at the high end; what lies outside is at the end.
    double share(double value) const;
    /// Round values in the range, at most `most` of them or a few more.
    std::vector<double> ticks(std::size_t most) const;

private:
    enum class Kind : unsigned char { linear, logarithmic, percentiles };
    Scale(Kind kind, double low, double high) : kind_(kind), low_(low), high_(high) {}
    double position(double value) const;

    Kind kind_;
    double low_;   // as positions
    double high_;
};

}  // namespace coir_tool
