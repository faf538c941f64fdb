// SPDX-License-Identifier: BSL-1.0
// Long and large runs: what they have in common. Each test is a function of a plan that returns a line
// with its figures, or throws Failure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace coir_soak {

using Clock = std::chrono::steady_clock;

struct Plan {
    std::uint64_t count = 0;       ///< tasks, connections, races or posts
    std::size_t live = 0;          ///< connections at once
    double minutes = 0;            ///< of the mixed load
    double sample_seconds = 0;     ///< between two looks at the process
    std::string reactor = "auto";  ///< see RunOptions::reactor
};

/// What was promised does not hold; the text has the figures.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::string soak_parked(const Plan& plan);
std::string soak_connections(const Plan& plan);
std::string soak_cancels(const Plan& plan);
std::string soak_posts(const Plan& plan);
std::string soak_mixed(const Plan& plan);

/// Throws Failure with `what` unless it holds.
inline void require(bool holds, const std::string& what) {
    if (!holds) throw Failure(what);
}

/// "1,234,567".
std::string whole(std::uint64_t number);
/// "1.5".
std::string fixed(double number, int decimals);
/// "12.3 MiB".
std::string mebibytes(double bytes);
double seconds_since(Clock::time_point begin);

/// How far a test is and how long it will take, on stderr: a line that is rewritten where that is a
/// terminal, and otherwise a line every ten seconds.
class Progress {
public:
    explicit Progress(std::string what);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// The part that is done, 0 to 1. As often as one likes.
    void show(double done);
    /// Another part of the test begins.
    void begin(std::string what);

private:
    const bool terminal_;
    std::string what_;
    Clock::time_point begun_;
    Clock::time_point next_;
    bool visible_ = false;
};

}  // namespace coir_soak
