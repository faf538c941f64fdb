// SPDX-License-Identifier: BSL-1.0
// Work from other threads: an intrusive stack that any thread pushes to and the loop empties, with
// the protocol that keeps a sleeping loop from missing a push and a busy one from being woken.
//
//   poster:  push; then, if the loop is asleep, mark it awake, and wake the reactor
//   loop:    say `asleep`; look at the stack again; sleep only if it is still empty
//
// Both sides write before they read (sequentially consistent), so at least one sees the other:
// there is no lost wake-up, and at most one wake system call per sleep. Posters who may be about to
// wake the reactor are counted, and the loop does not go away before they are through. Nobody else
// waits for them: a poster may lose its processor to the very thread that it has woken.
#pragma once

#include <coir/detail/state.hpp>
#include <coir/detail/sys.hpp>

#include <atomic>
#include <cstdint>

#include <sys/syscall.h>

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
        if (!asleep_.load(std::memory_order_seq_cst)) return Push::queued;
        wakers_.fetch_add(1, std::memory_order_seq_cst);
        if (asleep_.exchange(false, std::memory_order_seq_cst)) return Push::queued_wake;
        wake_done();
        return Push::queued;
    }
    /// The reactor has been woken, as `queued_wake` asked.
    void wake_done() noexcept { wakers_.fetch_sub(1, std::memory_order_release); }

    // The loop's side.

    bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }
    /// Everything that was pushed, oldest first, linked by next_ready.
    ReadyEntry* take() noexcept { return reverse(head_.exchange(nullptr, std::memory_order_acquire)); }
    /// Announces a sleep; false when something has come and the loop must not sleep.
    bool prepare_sleep() noexcept {
        asleep_.store(true, std::memory_order_seq_cst);
        if (head_.load(std::memory_order_seq_cst) == nullptr) return true;
        finish_sleep();
        return false;
    }
    void finish_sleep() noexcept { asleep_.store(false, std::memory_order_relaxed); }
    /// Refuses pushes from now on; returns what had come. Nobody wakes the reactor afterwards: who
    /// has pushed, and not looked yet, finds nobody asleep.
    ReadyEntry* close(Sys& sys) noexcept {
        ReadyEntry* head = head_.exchange(closed_mark(), std::memory_order_acq_rel);
        asleep_.exchange(false, std::memory_order_seq_cst);
        while (wakers_.load(std::memory_order_seq_cst) != 0) sys(SYS_sched_yield);
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
    std::atomic<bool> asleep_{true};  // until the loop runs
    std::atomic<int> wakers_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
