// SPDX-License-Identifier: BSL-1.0
// How steady the machine was while something was measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coir_tool {

struct Noise {
    /// How much longer a fixed piece of work took at worst than in the median, as a share; before
    /// each round.
    double spin_spread = 0;
    double steal_share = 0;   ///< of all CPU time, that a hypervisor gave to others
    double others_share = 0;  ///< of all CPU time, that other processes of this machine used

    /// Sentences about what disturbed; none on a quiet machine.
    std::vector<std::string> warnings() const;
};

/// Looks at the machine from its construction to finish(), with a probe now and then.
class NoiseGuard {
public:
    NoiseGuard();
    /// Times the fixed piece of work: some milliseconds.
    void probe();
    Noise finish() const;

private:
    struct CpuTimes {
        double total = 0;
        double idle = 0;
        double steal = 0;
        double own = 0;
    };
    static CpuTimes read_times();
    CpuTimes begin_;
    std::vector<double> spins_;
};

}  // namespace coir_tool
