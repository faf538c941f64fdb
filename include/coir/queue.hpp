// SPDX-License-Identifier: BSL-1.0
// Queues and channels between the tasks of one loop.
//
// Threads: one loop's at a time; debug mode tells uses from elsewhere. Waiters are served in FIFO
// order; an item is handed to the waiting getter directly, so that neither a newcomer nor a
// cancellation can take it away. What need not wait does not switch, and allocates only for the queue
// to grow. Lifetime: whoever waits when it is destroyed waits on until it is cancelled. Items whose
// move throws may be lost. Behaviour: asyncio.Queue, with Python 3.13's shutdown().
#pragma once

#include <coir/channel.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/item_queue.hpp>
#include <coir/detail/items.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>
#include <coir/select.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// What Queue, LifoQueue and PriorityQueue have in common: everything but which item is next.
template <class T, class Items>
class BasicQueue {
public:
    BasicQueue(const BasicQueue&) = delete;
    BasicQueue& operator=(const BasicQueue&) = delete;

    /// Puts an item, waiting for room. Throws QueueShutDown, or CancelledError with the item not in.
    COIR_SUSPENDS void put(T item) {
        if (!queue_.put(item, "queue put")) throw QueueShutDown();
    }
    /// Takes the next item, waiting for one. Throws QueueShutDown, or CancelledError with no item
    /// taken.
    COIR_SUSPENDS T get() {
        std::optional<T> item;
        if (!queue_.take(item, "queue get")) throw QueueShutDown();
        return std::move(*item);
    }
    /// Puts an item or throws QueueFull, QueueShutDown.
    void put_nowait(T item) {
        if (!try_put(std::move(item))) throw QueueFull();
    }
    /// Takes an item or throws QueueEmpty, QueueShutDown.
    T get_nowait() {
        std::optional<T> item = try_get();
        if (item) return std::move(*item);
        if (queue_.closed()) throw QueueShutDown();
        throw QueueEmpty();
    }
    /// Puts an item if there is room; says whether it did, and moves from it only then. Throws
    /// QueueShutDown.
    bool try_put(T&& item) {
        if (queue_.closed()) throw QueueShutDown();
        return queue_.try_put(item, "queue put");
    }
    bool try_put(const T& item)
        requires std::copy_constructible<T>
    {
        T copy(item);
        return try_put(std::move(copy));
    }
    /// Takes an item if there is one.
    std::optional<T> try_get() {
        std::optional<T> item;
        queue_.try_take(item, "queue get");
        return item;
    }

    std::size_t size() const noexcept { return queue_.size(); }
    bool empty() const noexcept { return queue_.size() == 0; }
    bool full() const noexcept { return queue_.full(); }
    /// 0: without limit.
    std::size_t maxsize() const noexcept {
        return queue_.limit() == Core::no_limit ? 0 : queue_.limit();
    }

    /// Says that an item that was taken has been worked off. Throws std::logic_error when it is said
    /// more often than items were put.
    void task_done() {
        if (unfinished() == 0) throw std::logic_error("coir: task_done() called too often");
        joiners_.require_wakeable("task_done");
        ++finished_;
        wake_joiners();
    }
    /// Waits until every item that was put has been worked off.
    COIR_SUSPENDS void join() {
        TaskBase& self = enter_suspension_point("queue join", queue_.mark());
        if (unfinished() > 0) {
            joiners_.wait("queue join");
            return;
        }
        leave_without_suspending(self);
    }
    /// Lets nothing in any more; what is in can still be taken, unless `immediate`, which discards
    /// it and counts it as worked off. Wakes all who wait and can get nothing.
    void shutdown(bool immediate = false) {
        joiners_.require_wakeable("queue shutdown");
        queue_.close("queue shutdown");
        if (!immediate) return;
        finished_ += queue_.size();
        queue_.discard();
        wake_joiners();
    }

protected:
    explicit BasicQueue(std::ptrdiff_t maxsize, Items items = Items())
        : queue_(maxsize > 0 ? static_cast<std::size_t>(maxsize) : Core::no_limit,
                 std::move(items)) {}
    ~BasicQueue() = default;

private:
    using Core = ItemQueue<T, Items>;

    std::uint64_t unfinished() const noexcept { return queue_.accepted() - finished_; }
    void wake_joiners() noexcept {
        if (unfinished() == 0) joiners_.wake_all();
    }

    Core queue_;
    std::uint64_t finished_ = 0;
    WaitQueue joiners_;
};

}  // namespace detail

/// A FIFO queue of at most `maxsize` items; 0 or less: without limit.
template <class T>
class Queue : public detail::BasicQueue<T, detail::FifoItems<T>> {
public:
    explicit Queue(std::ptrdiff_t maxsize = 0)
        : detail::BasicQueue<T, detail::FifoItems<T>>(maxsize) {}
};

/// The same, but the item that was put last is taken first.
template <class T>
class LifoQueue : public detail::BasicQueue<T, detail::LifoItems<T>> {
public:
    explicit LifoQueue(std::ptrdiff_t maxsize = 0)
        : detail::BasicQueue<T, detail::LifoItems<T>>(maxsize) {}
};

/// The same, but the least item by `Cmp` is taken first (as in asyncio; std::priority_queue takes
/// the greatest), and of equal ones the one that was put first. What a comparison throws passes to
/// the caller, with no item lost or put.
template <class T, class Cmp = std::less<T>>
class PriorityQueue : public detail::BasicQueue<T, detail::PriorityItems<T, Cmp>> {
public:
    explicit PriorityQueue(std::ptrdiff_t maxsize = 0, Cmp less = Cmp())
        : detail::BasicQueue<T, detail::PriorityItems<T, Cmp>>(
              maxsize, detail::PriorityItems<T, Cmp>(std::move(less))) {}
};

}  // namespace v0
}  // namespace coir
