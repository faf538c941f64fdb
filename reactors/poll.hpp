// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "readiness.hpp"
#include "wake_fd.hpp"

#include <coir/reactor.hpp>

#include <chrono>
#include <vector>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// The poll(2) reactor: a dense set of descriptors, given to the kernel whole at every wait. The
/// simulator builds on it.
class PollReactor : public ReadinessReactor {
public:
    explicit PollReactor(Sys& sys);

    std::string_view name() const noexcept override { return "poll"; }
    void wake() noexcept override { wake_fd_.wake(); }
    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override;
    std::string details() const override { return "level-triggered, ppoll"; }
    Nanoseconds wait_pause() const noexcept override { return pause_; }

protected:
    int arm(int fd, FdState& state, std::uint32_t events) noexcept override;
    void forget(int fd, FdState& state) noexcept override;
    void unwanted(int fd, FdState& state) noexcept override;
    /// Whether anything but the wake descriptor is waited for.
    bool watches() const noexcept { return set_.size() > 1; }

private:
    void handle(pollfd& entry, WaitResult& result) noexcept;

    // A wait that does not sleep takes one in `share` parts of a busy loop's time, where the set is large.
    static constexpr std::size_t large_set = 64;
    static constexpr int share = 50;
    static constexpr Nanoseconds longest_pause = std::chrono::milliseconds(10);

    WakeFd wake_fd_;
    std::vector<pollfd> set_;  // the wake descriptor first; FdState::registration is the index
    Nanoseconds pause_{};  // after the last wait
};

/// The registry's row of the poll reactor.
ReactorFactory poll_factory();

}  // namespace detail
}  // namespace v0
}  // namespace coir
