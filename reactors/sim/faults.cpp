// SPDX-License-Identifier: BSL-1.0
// SimFaults: what a seed draws, and its words.
#include "choices.hpp"

#include <cmath>
#include <cstdio>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::Random;

// Between the two, small ones as often as large ones.
double between(Random& random, double low, double high) noexcept {
    return low * std::pow(high / low, random.fraction());
}

std::chrono::nanoseconds time_between(Random& random, double low_us, double high_us) noexcept {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(between(random, low_us, high_us) * 1000));
}

void add(std::string& text, const char* name, double rate) {
    if (rate <= 0) return;
    char word[64];
    std::snprintf(word, sizeof word, "%s%s %.4g", text.empty() ? "" : ", ", name, rate);
    text += word;
}

}  // namespace

SimFaults SimFaults::drawn(std::uint64_t seed) {
    Random random(seed ^ 0x6661756c7473u);
    SimFaults faults;
    if (random.below(10) < 3) return faults;
    const auto on = [&random] { return random.below(2) == 1; };
    if (on()) {
        faults.latency = time_between(random, 1, 50'000);
        if (on()) faults.jitter = time_between(random, 1, 100'000);
    }
    if (on()) faults.bytes_per_second = static_cast<std::uint64_t>(between(random, 2e4, 1e9));
    if (on()) faults.partial = between(random, 0.01, 0.9);
    if (on()) faults.reset = between(random, 0.0005, 0.02);
    if (on()) faults.abort_accept = between(random, 0.01, 0.3);
    if (on()) faults.partition = between(random, 0.0005, 0.02);
    if (on()) faults.loss = between(random, 0.01, 0.5);
    if (on()) faults.duplicate = between(random, 0.01, 0.3);
    if (on()) faults.spurious = between(random, 0.01, 0.5);
    faults.shuffle = on();
    faults.small_buffers = on();
    if (on()) faults.late = between(random, 0.01, 0.5);
    if (on()) faults.busy = between(random, 0.01, 0.3);
    if (on()) faults.multishot_ends = between(random, 0.01, 0.5);
    faults.tiny_queues = on();
    return faults;
}

std::string SimFaults::to_string() const {
    std::string text;
    add(text, "latency(us)", static_cast<double>(latency.count()) / 1000);
    add(text, "jitter(us)", static_cast<double>(jitter.count()) / 1000);
    add(text, "bytes_per_second", static_cast<double>(bytes_per_second));
    add(text, "partial", partial);
    add(text, "reset", reset);
    add(text, "abort_accept", abort_accept);
    add(text, "partition", partition);
    add(text, "loss", loss);
    add(text, "duplicate", duplicate);
    add(text, "spurious", spurious);
    add(text, "late", late);
    add(text, "busy", busy);
    add(text, "multishot_ends", multishot_ends);
    add(text, "no_stack", no_stack);
    if (tiny_queues) text += text.empty() ? "tiny_queues" : ", tiny_queues";
    if (shuffle) text += text.empty() ? "shuffle" : ", shuffle";
    if (small_buffers) text += text.empty() ? "small_buffers" : ", small_buffers";
    return text.empty() ? "none" : text;
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
