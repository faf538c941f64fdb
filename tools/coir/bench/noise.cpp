// SPDX-License-Identifier: BSL-1.0
#include "noise.hpp"

#include "table.hpp"

#include "support/clock.hpp"
#include "support/statistics.hpp"

#include <algorithm>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace coir_tool {
namespace {

constexpr double spin_spread_max = 0.05;
constexpr double steal_share_max = 0.01;
constexpr double others_share_max = 0.05;

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double used_by(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

// The same work each time, a millisecond or so.
void spin() {
    std::uint64_t state = 1;
    for (int i = 0; i < 500'000; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        asm volatile("" : "+r"(state));
    }
}

std::string percent(double share) { return format_fixed(100 * share, share < 0.095 ? 1 : 0) + " %"; }

}  // namespace

NoiseGuard::CpuTimes NoiseGuard::read_times() {
    // user nice system idle iowait irq softirq steal, in ticks
    std::ifstream file("/proc/stat");
    std::string name;
    file >> name;
    const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
    CpuTimes times;
    for (int field = 0; field < 8; ++field) {
        double ticks = 0;
        if (!(file >> ticks)) break;
        times.total += ticks * tick;
        if (field == 3 || field == 4) times.idle += ticks * tick;
        if (field == 7) times.steal += ticks * tick;
    }
    times.own = used_by(RUSAGE_SELF) + used_by(RUSAGE_CHILDREN);
    return times;
}

NoiseGuard::NoiseGuard() : begin_(read_times()) {}

// The best of three: what is asked is how fast the machine is now, not whether it was interrupted.
void NoiseGuard::probe() {
    double best = 0;
    for (int i = 0; i < 3; ++i) {
        const std::int64_t begin = coir_bench::now_ns();
        spin();
        const auto took = static_cast<double>(coir_bench::now_ns() - begin);
        if (best == 0 || took < best) best = took;
    }
    spins_.push_back(best);
}

Noise NoiseGuard::finish() const {
    Noise noise;
    if (!spins_.empty()) {
        noise.spin_spread =
            *std::max_element(spins_.begin(), spins_.end()) / coir_bench::median(spins_) - 1;
    }
    const CpuTimes end = read_times();
    const double total = end.total - begin_.total;
    if (total <= 0) return noise;
    noise.steal_share = (end.steal - begin_.steal) / total;
    const double busy = total - (end.idle - begin_.idle) - (end.steal - begin_.steal);
    noise.others_share = std::max(0.0, (busy - (end.own - begin_.own)) / total);
    return noise;
}

std::vector<std::string> Noise::warnings() const {
    std::vector<std::string> warnings;
    if (spin_spread > spin_spread_max) {
        warnings.push_back("the processor's speed changed by " + percent(spin_spread) +
                           " between rounds");
    }
    if (steal_share > steal_share_max) {
        warnings.push_back("a hypervisor took " + percent(steal_share) + " of the CPU time");
    }
    if (others_share > others_share_max) {
        warnings.push_back("other processes used " + percent(others_share) + " of the CPU time");
    }
    return warnings;
}

}  // namespace coir_tool
