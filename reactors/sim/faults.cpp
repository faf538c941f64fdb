// SPDX-License-Identifier: BSL-1.0
// SimFaults: their table, what a seed draws, and its words.
#include "fault_table.hpp"

#include <cmath>
#include <cstdio>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

using F = testing::SimFaults;

constexpr FaultKind rate(const char* name, double F::*value, double least, double most, Site first,
                         Site second = {}, Site third = {}) {
    return {name, value, nullptr, least, most, {first, second, third}};
}
constexpr FaultKind flag(const char* name, bool F::*value, Site first = {}) {
    return {name, nullptr, value, 0, 1, {first}};
}

constexpr FaultKind kinds[] = {
    rate("partial", &F::partial, 0.01, 0.9, Site::read_size, Site::write_size, Site::pause),
    rate("reset", &F::reset, 0.0005, 0.02, Site::reset),
    rate("abort_accept", &F::abort_accept, 0.01, 0.3, Site::abort_accept),
    rate("partition", &F::partition, 0.0005, 0.02, Site::cut),
    rate("loss", &F::loss, 0.01, 0.5, Site::loss),
    rate("duplicate", &F::duplicate, 0.01, 0.3, Site::duplicate),
    rate("spurious", &F::spurious, 0.01, 0.5, Site::spurious),
    flag("shuffle", &F::shuffle, Site::event),
    flag("small_buffers", &F::small_buffers, Site::capacity),
    rate("late", &F::late, 0.01, 0.5, Site::ring_late, Site::ring_cancel),
    rate("busy", &F::busy, 0.01, 0.3, Site::ring_busy),
    rate("multishot_ends", &F::multishot_ends, 0.01, 0.5, Site::ring_more),
    flag("tiny_queues", &F::tiny_queues),
    rate("no_stack", &F::no_stack, 0, 0, Site::no_stack),
    rate("no_process", &F::no_process, 0.01, 0.3, Site::no_process),
    rate("no_space", &F::no_space, 0.001, 0.1, Site::no_space),
    rate("bad_disk", &F::bad_disk, 0.001, 0.1, Site::bad_disk),
};

}  // namespace

std::span<const FaultKind> fault_kinds() noexcept { return kinds; }

}  // namespace sim
}  // namespace detail

namespace testing {
namespace {

using coir::detail::sim::FaultKind;
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
    for (const FaultKind& kind : coir::detail::sim::fault_kinds()) {
        if (kind.most <= 0 || !on()) continue;
        if (kind.rate) {
            faults.*kind.rate = between(random, kind.least, kind.most);
        } else {
            faults.*kind.flag = true;
        }
    }
    return faults;
}

std::string SimFaults::to_string() const {
    std::string text;
    add(text, "latency(us)", static_cast<double>(latency.count()) / 1000);
    add(text, "jitter(us)", static_cast<double>(jitter.count()) / 1000);
    add(text, "bytes_per_second", static_cast<double>(bytes_per_second));
    for (const FaultKind& kind : coir::detail::sim::fault_kinds()) {
        if (kind.rate) {
            add(text, kind.name, this->*kind.rate);
        } else if (this->*kind.flag) {
            text += (text.empty() ? "" : ", ") + std::string(kind.name);
        }
    }
    return text.empty() ? "none" : text;
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
