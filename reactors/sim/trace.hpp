// SPDX-License-Identifier: BSL-1.0
// What happens in a simulated world, in words: a line for each call and each choice that is not harmless.
#pragma once

#include "choices.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;

class Trace {
public:
    using Sink = std::function<void(std::string_view)>;
    Trace(const World& world, Sink sink) : world_(world), sink_(std::move(sink)) {}

    bool is_on() const noexcept { return static_cast<bool>(sink_); }
    // Each does nothing when it is not.
    void call(long number, long a, long b, long c, long result, bool by_ring) const;
    void choice(const testing::SimChoice& choice) const;
    void next_task(std::uint64_t task, std::size_t at, std::size_t ready) const;
    void cancel_asked(std::uint64_t task, bool by_timeout) const;
    void say(std::string_view what) const;

private:
    const World& world_;
    const Sink sink_;
};

/// What COIR_SIM_TRACE says: every simulation of the process in one file, as it goes, for a run may end
/// the process. Throws std::invalid_argument.
Trace::Sink trace_from_environment();

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
