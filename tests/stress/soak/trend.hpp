// SPDX-License-Identifier: BSL-1.0
// Whether a process grows: the middle of what was seen early, after a warm-up, and of what was seen last.
#pragma once

#include "usage.hpp"

#include <string>
#include <vector>

namespace coir_soak {

class Trend {
public:
    void add(const Usage& usage) { samples_.push_back(usage); }
    /// Throws Failure with the figures when something has grown.
    void check() const;
    /// What was seen early and last.
    std::string figures() const;

private:
    struct Ends {
        Usage early;
        Usage late;
    };
    Ends ends() const;

    std::vector<Usage> samples_;
};

}  // namespace coir_soak
