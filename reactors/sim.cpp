// SPDX-License-Identifier: BSL-1.0
// The simulator: a virtual clock and a seeded order of ready tasks.
//
// Time stands still while anything can run and jumps to the next deadline when nothing can, so that
// an hour of sleeping takes microseconds and nothing depends on the speed of the machine. With a
// seed ("sim:seed=7") ready tasks run in an order drawn from it; without one, in FIFO order.
// Descriptors are real ones, polled without waiting while a deadline is near. While a job is on
// another thread the clock does not advance: the job takes no virtual time. Of threads that are not
// to_thread's the simulator knows nothing: while a timer is armed, time does not wait for them.
#include "sim.hpp"

#include "poll.hpp"

#include <atomic>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr Nanoseconds job_glance = std::chrono::seconds(1);

// splitmix64: small, and good enough for choosing.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

private:
    std::uint64_t state_;
};

class SimSys final : public Sys {
public:
    SimSys(std::uint64_t seed, bool shuffled) : random_(seed), shuffled_(shuffled) {}

    TimePoint now() noexcept override { return TimePoint(now_.load(std::memory_order_relaxed)); }
    std::uint64_t random() noexcept override { return random_.next(); }
    void job_started() noexcept override { ++jobs_; }
    void job_finished() noexcept override { --jobs_; }
    void tick() noexcept override {
        if (jobs_ == 0) advance_to(now() + std::chrono::microseconds(1));
    }
    bool picks() const noexcept override { return shuffled_; }
    std::size_t pick(std::size_t count) noexcept override { return random_.next() % count; }

    bool jobs_outside() const noexcept { return jobs_ > 0; }
    void advance_to(TimePoint when) noexcept {
        if (when > now()) now_.store(when.time_since_epoch(), std::memory_order_relaxed);
    }

private:
    Random random_;
    const bool shuffled_;
    int jobs_ = 0;
    // An hour after the epoch: negative offsets from "now" stay positive.
    std::atomic<Nanoseconds> now_{std::chrono::hours(1)};  // any thread may ask how long we slept
};

// Owns the world; a base, so that it is there before and after the reactor that uses it.
struct SimWorld {
    SimWorld(std::uint64_t seed, bool shuffled) : sys(seed, shuffled) {}
    SimSys sys;
};

class SimReactor final : private SimWorld, public PollReactor {
public:
    SimReactor(std::uint64_t seed, bool shuffled)
        : SimWorld(seed, shuffled), PollReactor(sys) {
        details_ = shuffled ? "virtual clock, order from seed " + std::to_string(seed)
                            : "virtual clock, FIFO order";
    }
    std::string_view name() const noexcept override { return "sim"; }
    std::string details() const override { return details_; }
    Sys* world() noexcept override { return &sys; }

    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override {
        if (deadline == TimePoint::min()) return PollReactor::wait(deadline, completions);
        WaitResult result = PollReactor::wait(TimePoint::min(), completions);
        if (result.completed > 0 || result.woken || result.error != 0) return result;
        // Only something real can go on from here: a thread, a signal, another process. The clock
        // stands still meanwhile; whoever waits for a job looks around once a second.
        if (sys.jobs_outside()) return PollReactor::wait(sys.now() + job_glance, completions);
        if (deadline == never) return PollReactor::wait(never, completions);
        sys.advance_to(deadline);
        return result;
    }

private:
    std::string details_;
};

std::unique_ptr<Reactor> make_sim(const ReactorOptions& options) {
    constexpr std::string_view key = "seed=";
    const std::string_view text = options.parameters;
    if (text.empty()) return std::make_unique<SimReactor>(0, false);
    std::uint64_t seed = 0;
    const char* end = text.data() + text.size();
    if (text.starts_with(key)) {
        const auto [stopped, error] = std::from_chars(text.data() + key.size(), end, seed);
        if (error == std::errc() && stopped == end) {
            return std::make_unique<SimReactor>(seed, true);
        }
    }
    throw std::invalid_argument("coir: reactor 'sim:" + options.parameters +
                                "': allowed is sim or sim:seed=NUMBER");
}

}  // namespace

ReactorFactory sim_factory() {
    return {"sim", -1, [] { return Verdict{true, "virtual clock, seeded order; for tests", ""}; },
            &make_sim};
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
