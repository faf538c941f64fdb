// SPDX-License-Identifier: BSL-1.0
// See poll.hpp.
//
// Facts about poll:
// - It is level-triggered: no edge can be lost, and what nobody waits for must leave the set, or the
//   wait would return for ever. It leaves only when it is reported without a waiter, since most
//   descriptors are waited for again before the next wait.
// - Its cost grows with the set. For a handful of descriptors it is the cheapest of all.
#include "poll.hpp"

#include "timeout.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

namespace coir {
inline namespace v0 {
namespace detail {

PollReactor::PollReactor(Sys& sys) : ReadinessReactor(sys), wake_fd_(sys) {
    set_.push_back({wake_fd_.fd(), POLLIN, 0});
}

int PollReactor::arm(int fd, FdState& state, std::uint32_t events) noexcept {
    if (state.registration == 0) {
        try {
            set_.push_back({fd, 0, 0});
        } catch (const std::bad_alloc&) {
            return -ENOMEM;
        }
        ++counters_.arms;
        state.registration = static_cast<std::uint32_t>(set_.size() - 1);
    }
    // What was asked for before may stay: see the facts above.
    pollfd& entry = set_[state.registration];
    entry.events = static_cast<short>(static_cast<std::uint32_t>(entry.events) | events);
    return 0;
}

void PollReactor::forget(int, FdState& state) noexcept {
    if (state.registration == 0) return;
    const std::size_t at = state.registration;
    state.registration = 0;
    if (at + 1 != set_.size()) {
        set_[at] = set_.back();
        if (FdState* moved = find(set_[at].fd)) {
            moved->registration = static_cast<std::uint32_t>(at);
        }
    }
    set_.pop_back();
}

void PollReactor::unwanted(int fd, FdState& state) noexcept { forget(fd, state); }

[[gnu::hot]] WaitResult PollReactor::wait(TimePoint deadline, CompletionList& completions) noexcept {
    WaitResult result;
    deadline = begin_wait(completions, deadline);
    const std::optional<timespec> left = time_until(deadline, sys_);
    timespec timeout = left.value_or(timespec{});
    const bool measures = deadline == TimePoint::min() && set_.size() >= large_set && !world();
    const TimePoint began = measures ? sys_.now() : TimePoint();
    long count = quick_sys_(SYS_ppoll, set_.data(), set_.size(), left ? &timeout : nullptr, nullptr, 0);
    pause_ = measures ? std::min(share * (sys_.now() - began), longest_pause) : Nanoseconds::zero();
    ++counters_.waits;
    if (deadline != TimePoint::min()) ++counters_.sleeps;
    if (count < 0 && count != -EINTR) result.error = static_cast<std::int32_t>(count);
    // Backwards: an entry that leaves the set is replaced by the last one, which has been seen.
    for (std::size_t at = set_.size(); at-- > 0 && count > 0;) {
        if (set_[at].revents == 0) continue;
        --count;
        handle(set_[at], result);
    }
    end_wait();
    result.completed = static_cast<std::uint32_t>(completions.size());
    return result;
}

void PollReactor::handle(pollfd& entry, WaitResult& result) noexcept {
    const auto revents = static_cast<std::uint32_t>(entry.revents);
    entry.revents = 0;
    if (entry.fd == wake_fd_.fd()) {
        wake_fd_.noticed(true);
        ++counters_.wakes;
        result.woken = true;
        return;
    }
    const int fd = entry.fd;
    FdState* state = find(fd);
    // Ask only for what is still waited for, or a direction that nobody reads would spin.
    const std::uint32_t asked = wanted(*state);
    entry.events = static_cast<short>(static_cast<std::uint32_t>(entry.events) &
                                      (asked | ~revents));
    on_event(fd, *state, revents);
}

namespace {

Verdict probe_poll() {
    timespec zero{0, 0};
    pollfd none{-1, 0, 0};
    long count;
    do {
        count = real_sys()(SYS_ppoll, &none, 1, &zero, nullptr, 0);
    } while (count == -EINTR);
    if (count < 0) {
        return {false, "ppoll: " + std::generic_category().message(static_cast<int>(-count)), ""};
    }
    return {true, "level-triggered, ppoll", ""};
}

}  // namespace

ReactorFactory poll_factory() {
    return {"poll", 10, &probe_poll, [](const ReactorOptions& options) {
                refuse_parameters("poll", options);
                return std::unique_ptr<Reactor>(std::make_unique<PollReactor>(*options.sys));
            }};
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
