// SPDX-License-Identifier: BSL-1.0
// Queues between the tasks of one loop.
//
// Threads: the loop's thread only. Order is FIFO for items and for waiters; an item is handed to the
// waiting getter directly, so that neither a newcomer nor a cancellation can take it away.
// Behaviour: asyncio.Queue, with Python 3.13's shutdown().
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace coir {
inline namespace v0 {

/// A FIFO queue of at most `maxsize` items; 0 or less: without limit.
template <class T>
class Queue {
public:
    explicit Queue(std::ptrdiff_t maxsize = 0)
        : maxsize_(maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0) {}
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    /// Puts an item, waiting for room. Throws QueueShutDown, or CancelledError with the item not in.
    COIR_SUSPENDS void put(T item) {
        detail::TaskBase& self = detail::enter_suspension_point("queue put");
        if (try_put_item(item)) {
            detail::leave_without_suspending(self);
            return;
        }
        detail::WaitNode node;
        node.slot = &item;
        putters_.wait(node, "queue put");
        if (node.outcome == detail::WaitOutcome::closed) throw QueueShutDown();
    }
    /// Takes the first item, waiting for one. Throws QueueShutDown, or CancelledError with no item
    /// taken.
    COIR_SUSPENDS T get() {
        detail::TaskBase& self = detail::enter_suspension_point("queue get");
        if (std::optional<T> item = try_get()) {
            detail::leave_without_suspending(self);
            return std::move(*item);
        }
        if (shut_down_) throw QueueShutDown();
        std::optional<T> slot;
        detail::WaitNode node;
        node.slot = &slot;
        getters_.wait(node, "queue get");
        if (node.outcome == detail::WaitOutcome::closed) throw QueueShutDown();
        return std::move(*slot);
    }
    /// Puts an item or throws QueueFull, QueueShutDown.
    void put_nowait(T item) {
        if (!try_put_item(item)) throw QueueFull();
    }
    /// Takes an item or throws QueueEmpty, QueueShutDown.
    T get_nowait() {
        std::optional<T> item = try_get();
        if (item) return std::move(*item);
        if (shut_down_) throw QueueShutDown();
        throw QueueEmpty();
    }
    /// Puts an item if there is room; says whether it did. Throws QueueShutDown.
    bool try_put(T item) { return try_put_item(item); }
    /// Takes an item if there is one.
    std::optional<T> try_get() {
        if (items_.empty()) return std::nullopt;
        // In this order nothing is lost when there is no memory, or a move throws.
        if (detail::WaitNode* putter = putters_.front()) {
            items_.push_back(std::move(*static_cast<T*>(putter->slot)));
            ++unfinished_;
            putters_.wake_one();
        }
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        return item;
    }

    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    bool full() const noexcept { return maxsize_ != 0 && items_.size() >= maxsize_; }
    std::size_t maxsize() const noexcept { return maxsize_; }

    /// Says that an item that was taken has been worked off. Throws std::logic_error when it is said
    /// more often than items were put.
    void task_done() {
        if (unfinished_ == 0) throw std::logic_error("coir: task_done() called too often");
        if (--unfinished_ == 0) joiners_.wake_all();
    }
    /// Waits until every item that was put has been worked off.
    COIR_SUSPENDS void join() {
        detail::TaskBase& self = detail::enter_suspension_point("queue join");
        if (unfinished_ == 0) {
            detail::leave_without_suspending(self);
            return;
        }
        detail::WaitNode node;
        joiners_.wait(node, "queue join");
    }
    /// Lets nothing in any more; what is in can still be taken, unless `immediate`, which discards
    /// it and counts it as worked off. Wakes all who wait and can get nothing.
    void shutdown(bool immediate = false) {
        shut_down_ = true;
        if (immediate) {
            unfinished_ -= items_.size();
            items_.clear();
            if (unfinished_ == 0) joiners_.wake_all();
        }
        getters_.wake_all(detail::WaitOutcome::closed);
        putters_.wake_all(detail::WaitOutcome::closed);
    }

private:
    // Moves from `item` only when it returns true.
    bool try_put_item(T& item) {
        if (shut_down_) throw QueueShutDown();
        if (detail::WaitNode* getter = getters_.front()) {
            static_cast<std::optional<T>*>(getter->slot)->emplace(std::move(item));
            getters_.wake_one();
        } else {
            if (full()) return false;
            items_.push_back(std::move(item));
        }
        ++unfinished_;
        return true;
    }

    const std::size_t maxsize_;
    std::size_t unfinished_ = 0;
    bool shut_down_ = false;
    std::deque<T> items_;
    detail::WaitQueue getters_;
    detail::WaitQueue putters_;
    detail::WaitQueue joiners_;
};

}  // namespace v0
}  // namespace coir
