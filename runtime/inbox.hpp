// SPDX-License-Identifier: BSL-1.0
// Work from other threads: an intrusive stack that any thread pushes to and the loop empties, with
// the protocol that keeps a sleeping loop from missing a push and a busy one from being woken.
//
//   poster:  puts its entry in the place of the newest one; when that was the mark `asleep`, it wakes
//            the reactor
//   loop:    puts the mark into the empty stack; sleeps only if that succeeds
//
// Both act on the one word, so there is no lost wake-up, and at most one wake system call per sleep.
// A poster whose entry is in touches nothing of the loop afterwards, for the loop may run the entry
// and be gone; only one that has to wake the reactor does, and says so beforehand: it is counted,
// and the loop does not go away before it is through. Nobody else waits for it: a poster may lose
// its processor to the very thread that it has woken.
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
        for (;;) {
            if (head == closed_mark()) return Push::closed;
            if (head == asleep_mark()) {
                wakers_.fetch_add(1, std::memory_order_seq_cst);
                if (replace(head, nullptr, entry)) return Push::queued_wake;
                wake_done();
            } else if (replace(head, head, entry)) {
                return Push::queued;
            }
        }
    }
    /// The reactor has been woken, as `queued_wake` asked.
    void wake_done() noexcept { wakers_.fetch_sub(1, std::memory_order_release); }

    // The loop's side.

    bool empty() const noexcept {
        ReadyEntry* head = head_.load(std::memory_order_acquire);
        return head == nullptr || head == asleep_mark();
    }
    /// Everything that was pushed, oldest first, linked by next_ready. Not while asleep and empty.
    ReadyEntry* take() noexcept { return reverse(head_.exchange(nullptr, std::memory_order_acquire)); }
    /// Announces a sleep; false when something has come and the loop must not sleep.
    bool prepare_sleep() noexcept {
        ReadyEntry* head = nullptr;
        return head_.compare_exchange_strong(head, asleep_mark(), std::memory_order_acq_rel,
                                             std::memory_order_acquire) ||
               head == asleep_mark();
    }
    void finish_sleep() noexcept {
        ReadyEntry* head = asleep_mark();
        head_.compare_exchange_strong(head, nullptr, std::memory_order_acq_rel,
                                      std::memory_order_relaxed);
    }
    /// Refuses pushes from now on; returns what had come.
    ReadyEntry* close(Sys& sys) noexcept {
        ReadyEntry* head = head_.exchange(closed_mark(), std::memory_order_seq_cst);
        while (wakers_.load(std::memory_order_seq_cst) != 0) sys(SYS_sched_yield);
        return head == closed_mark() || head == asleep_mark() ? nullptr : reverse(head);
    }

private:
    static ReadyEntry* closed_mark() noexcept {
        static ReadyEntry mark;
        return &mark;
    }
    static ReadyEntry* asleep_mark() noexcept {
        static ReadyEntry mark;
        return &mark;
    }
    // Puts `entry` in the place of `head`, before `next`.
    bool replace(ReadyEntry*& head, ReadyEntry* next, ReadyEntry& entry) noexcept {
        entry.next_ready = next;
        return head_.compare_exchange_weak(head, &entry, std::memory_order_seq_cst,
                                           std::memory_order_acquire);
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

    alignas(64) std::atomic<ReadyEntry*> head_{asleep_mark()};  // until the loop runs
    std::atomic<int> wakers_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
