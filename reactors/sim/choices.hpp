// SPDX-License-Identifier: BSL-1.0
// Every choice of the simulator, in one log: drawn from a seed or replayed, and hashed.
#pragma once

#include <coir/testing.hpp>
#include <coir/time.hpp>

#include <cstdint>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// Where a choice is made. The numbers are in recorded choices: append-only.
enum class Site : std::uint16_t {
    ready = 1,  ///< which entry runs next
    task,       ///< a number that the runtime draws
    read_size,
    write_size,
    pause,      ///< how long until the rest of a cut transfer
    latency,
    reset,
    abort_accept,
    cut,        ///< whether, and for how long
    loss,
    duplicate,
    spurious,
    event,      ///< which event of a wait comes first
    capacity,
    listener,   ///< which of those that share a port
    thread,     ///< which thread's turn it is
    ring_late,    ///< of a simulated io_uring: a request or its result takes its time
    ring_busy,    ///< it takes less than it is given
    ring_cancel,  ///< what a cancel finds
    ring_more,    ///< a multishot ends
    no_stack,
    no_process,  ///< a process cannot be made
    no_space,    ///< of files
    bad_disk,
    job,         ///< when a thread of the pool would have come to it
    program,     ///< the program's own: testing::choose()
};
/// What has been chosen when it is not the harmless one, in words.
const char* name_of(Site site) noexcept;

class Trace;

// splitmix64: small, and good enough for choosing.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    std::uint32_t below(std::uint32_t count) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32) * count) >> 32);
    }
    /// In [0, 1).
    double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

class Choices {
public:
    Choices(const testing::SimOptions& options, const Trace& trace);

    /// One of `count`, all alike; 0 is the harmless one.
    std::uint32_t pick(Site site, std::uint32_t count) noexcept;
    /// The same, where somebody else has drawn it: a policy.
    std::uint32_t decide(Site site, std::uint32_t count, std::uint32_t drawn) noexcept;
    /// True with this probability. Nothing is chosen, or logged, when that is 0.
    bool chance(Site site, double probability) noexcept;
    /// Exponentially distributed, 0 when `mean` is, at most seven times the mean.
    Nanoseconds delay(Site site, Nanoseconds mean) noexcept;

    bool replaying() const noexcept { return replaying_; }
    /// Takes note of what is not a choice but must be the same again.
    void mix(std::uint64_t value) noexcept;

    std::uint64_t hash() const noexcept { return hash_; }
    std::uint64_t made() const noexcept { return made_; }
    bool diverged() const noexcept { return diverged_; }
    const std::vector<testing::SimChoice>& log() const noexcept { return log_; }
    std::vector<testing::SimChoice> take_log() noexcept { return std::move(log_); }

private:
    Random random_;
    const Trace& trace_;
    const bool record_;
    const bool replaying_;
    bool diverged_ = false;
    std::uint64_t hash_ = 0xcbf29ce484222325u;
    std::uint64_t made_ = 0;
    std::vector<testing::SimChoice> replay_;
    std::vector<testing::SimChoice> log_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
