// SPDX-License-Identifier: BSL-1.0
// A barrier for tasks. See sync.hpp for what holds for all primitives.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

#include <cstddef>

namespace coir {
inline namespace v0 {

/// Holds tasks up until so many have come, then lets them go together, again and again. When the last
/// one comes, all have passed: whoever comes next, however soon, waits for the next time. Calls throw
/// WrongThreadError when they would wait together with, or wake, tasks of a loop that does not run
/// here. Behaviour: asyncio.Barrier.
class COIR_API Barrier {
public:
    /// Throws std::invalid_argument for less than 1.
    explicit Barrier(std::ptrdiff_t parties);
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;

    /// Waits until `parties` tasks wait, this one included, and returns which of them this one is:
    /// 0 to parties - 1, each once, in the order of their coming; whoever completes the number does
    /// not suspend. Throws BrokenBarrierError when it is aborted, or reset meanwhile, and
    /// CancelledError; then this one does not count, and the others wait on.
    COIR_SUSPENDS std::size_t wait();
    /// Who waits gets BrokenBarrierError; then it is as new.
    void reset();
    /// Who waits, and who comes until reset(), gets BrokenBarrierError.
    void abort();

    bool broken() const noexcept { return broken_; }
    std::size_t n_waiting() const noexcept { return waiting_; }
    std::size_t parties() const noexcept { return parties_; }

private:
    void break_up() noexcept;

    const std::size_t parties_;
    std::size_t waiting_ = 0;
    bool broken_ = false;
    detail::WaitQueue waiters_;
    detail::LoopMark mark_;
};

}  // namespace v0
}  // namespace coir
