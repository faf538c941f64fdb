// SPDX-License-Identifier: BSL-1.0
// Barrier.
#include <coir/barrier.hpp>

#include <coir/error.hpp>

#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {

namespace {

// One who waits, and its number once all have come.
struct Party : detail::WaitNode {
    explicit Party(std::size_t& waiting) : count(waiting) {
        left = [](WaitNode& node) noexcept { --static_cast<Party&>(node).count; };
    }
    std::size_t& count;
    std::size_t index = 0;
};

}  // namespace

Barrier::Barrier(std::ptrdiff_t parties) : parties_(static_cast<std::size_t>(parties)) {
    if (parties < 1) {
        throw std::invalid_argument("coir: a barrier must have 1 party or more, got " +
                                    std::to_string(parties));
    }
}

std::size_t Barrier::wait() {
    detail::TaskBase& self = detail::enter_suspension_point("barrier", mark_);
    if (broken_) throw BrokenBarrierError();
    if (waiting_ + 1 < parties_) {
        Party party(waiting_);
        waiters_.enqueue(party, self, "barrier");
        ++waiting_;
        party.suspend();
        if (party.outcome == detail::WaitOutcome::closed) throw BrokenBarrierError();
        return party.index;
    }
    waiters_.require_wakeable("barrier");
    waiting_ = 0;
    std::size_t index = 0;
    while (detail::WaitNode* party = waiters_.wake_one()) static_cast<Party*>(party)->index = index++;
    detail::leave_without_suspending(self);
    return index;
}

void Barrier::break_up() noexcept {
    waiting_ = 0;
    waiters_.wake_all(detail::WaitOutcome::closed);
}

void Barrier::reset() {
    mark_.check("reset of a barrier");
    waiters_.require_wakeable("reset of a barrier");
    broken_ = false;
    break_up();
}

void Barrier::abort() {
    mark_.check("abort of a barrier");
    waiters_.require_wakeable("abort of a barrier");
    broken_ = true;
    break_up();
}

}  // namespace v0
}  // namespace coir
