// SPDX-License-Identifier: BSL-1.0
// Work from other threads: an intrusive stack that any thread pushes to and the loop empties, with
// the protocol that keeps a sleeping loop from missing a push and a busy one from being woken.
//
//   poster:  push; then, if the loop is asleep, mark it `waking`, wake the reactor, mark it awake
//   loop:    say `asleep`; look at the stack again; sleep only if it is still empty
//
// Both sides write before they read (sequentially consistent), so at least one sees the other:
// there is no lost wake-up, and at most one wake system call per sleep. A poster touches nothing
// after its push but while the state is `waking`, and the loop does not go away in that state.
#pragma once

#include <coir/detail/state.hpp>

#include <atomic>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

class Inbox {
public:
    enum class Push : std::uint8_t { queued, queued_wake, closed };

    /// Any thread. `queued_wake`: the caller must wake the reactor and then call
    /// wake_done().
    Push push(ReadyEntry& entry) noexcept {
        ReadyEntry* head = head_.load(std::memory_order_acquire);
        do {
            if (head == closed_mark()) return Push::closed;
            entry.next_ready = head;
        } while (!head_.compare_exchange_weak(head, &entry, std::memory_order_seq_cst,
                                              std::memory_order_acquire));
        if (state_.load(std::memory_order_seq_cst) == asleep) {
            std::uint8_t expected = asleep;
            if (state_.compare_exchange_strong(expected, waking, std::memory_order_seq_cst)) {
                return Push::queued_wake;
            }
        }
        return Push::queued;
    }
    /// The reactor has been woken, as `queued_wake` asked.
    void wake_done() noexcept { state_.store(awake, std::memory_order_release); }

    // The loop's side.

    bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }
    /// Everything that was pushed, oldest first, linked by next_ready.
    ReadyEntry* take() noexcept { return reverse(head_.exchange(nullptr, std::memory_order_acquire)); }
    /// Announces a sleep; false when something has come and the loop must not sleep.
    bool prepare_sleep() noexcept {
        settle();
        state_.store(asleep, std::memory_order_seq_cst);
        if (head_.load(std::memory_order_seq_cst) == nullptr) return true;
        finish_sleep();
        return false;
    }
    void finish_sleep() noexcept {
        std::uint8_t expected = asleep;
        state_.compare_exchange_strong(expected, awake, std::memory_order_relaxed);
    }
    /// Waits until no poster is about to wake the reactor: a few hundred nanoseconds at most.
    void settle() noexcept {
        while (state_.load(std::memory_order_acquire) == waking) {
        }
    }
    /// Refuses pushes from now on; returns what had come. Nobody wakes the reactor afterwards: who
    /// has pushed, and not looked yet, finds nobody asleep.
    ReadyEntry* close() noexcept {
        ReadyEntry* head = head_.exchange(closed_mark(), std::memory_order_acq_rel);
        finish_sleep();
        settle();
        return head == closed_mark() ? nullptr : reverse(head);
    }

private:
    static ReadyEntry* closed_mark() noexcept {
        static ReadyEntry mark;
        return &mark;
    }
    static ReadyEntry* reverse(ReadyEntry* head) noexcept {
        ReadyEntry* oldest = nullptr;
        while (head) {
            ReadyEntry* next = head->next_ready;
            head->next_ready = oldest;
            oldest = head;
            head = next;
        }
        return oldest;
    }

    alignas(64) std::atomic<ReadyEntry*> head_{nullptr};
    static constexpr std::uint8_t awake = 0, asleep = 1, waking = 2;
    std::atomic<std::uint8_t> state_{asleep};  // until the loop runs
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
