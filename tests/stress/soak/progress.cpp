// SPDX-License-Identifier: BSL-1.0
#include "soak.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <unistd.h>

namespace coir_soak {

std::string fixed(double number, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    return text;
}

std::string whole(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

std::string mebibytes(double bytes) { return fixed(bytes / (1 << 20), 1) + " MiB"; }

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

Progress::Progress(std::string what) : terminal_(::isatty(STDERR_FILENO) == 1) { begin(std::move(what)); }

Progress::~Progress() {
    if (visible_) std::fputs("\r\033[K", stderr);
}

void Progress::begin(std::string what) {
    what_ = std::move(what);
    begun_ = Clock::now();
    next_ = begun_ + std::chrono::seconds(1);
}

void Progress::show(double done) {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(terminal_ ? 1 : 10);
    const double share = std::clamp(done, 0.0, 1.0);
    std::string left = "?";
    if (share > 0) {
        const auto seconds = static_cast<long>(seconds_since(begun_) * (1 - share) / share);
        left = std::to_string(seconds / 60) + ":" + (seconds % 60 < 10 ? "0" : "") + std::to_string(seconds % 60);
    }
    std::fprintf(stderr, "%s%s: %.0f %%, %s left%s", terminal_ ? "\r\033[K" : "", what_.c_str(), 100 * share,
                 left.c_str(), terminal_ ? "" : "\n");
    std::fflush(stderr);
    visible_ = terminal_;
}

}  // namespace coir_soak
