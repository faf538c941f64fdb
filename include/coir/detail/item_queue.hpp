// SPDX-License-Identifier: BSL-1.0
// What all queues and channels are made of: items up to a limit, and who waits to put or to get.
//
// An item goes straight to the first waiting getter, and one that waits to be put moves up when there
// is room: who waited in vain is not woken, and nobody gets in between. Invariants: while a getter
// waits there is no item; while a putter waits there is no room (after an allocation failure there
// may be some: the next get takes from the putter all the same).
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// `Items` is one of detail/items.hpp.
template <class T, class Items>
class ItemQueue {
public:
    static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

    /// A limit of 0: every item goes from hand to hand.
    explicit ItemQueue(std::size_t limit, Items items = Items())
        : limit_(limit), items_(std::move(items)) {}
    ItemQueue(const ItemQueue&) = delete;
    ItemQueue& operator=(const ItemQueue&) = delete;

    std::size_t size() const noexcept { return items_.size(); }
    std::size_t limit() const noexcept { return limit_; }
    bool full() const noexcept { return items_.size() >= limit_; }
    bool closed() const noexcept { return closed_; }
    /// How many items have ever been put in or handed over.
    std::uint64_t accepted() const noexcept { return accepted_; }

    bool can_put() const noexcept { return !getters_.empty() || (!full() && putters_.empty()); }
    bool can_take() const noexcept { return items_.size() > 0 || !putters_.empty(); }
    /// Moves from `item` only when it returns true. Not when closed.
    bool try_put(T& item, const char* call) {
        mark_.check(call);
        if (WaitNode* getter = getters_.front()) {
            getters_.require_wakeable(call);
            static_cast<std::optional<T>*>(getter->slot)->emplace(std::move(item));
            getters_.wake_one();
        } else {
            if (full() || !putters_.empty()) return false;
            items_.push(std::move(item));
        }
        ++accepted_;
        return true;
    }
    bool try_take(std::optional<T>& into, const char* call) {
        mark_.check(call);
        if (!can_take()) return false;
        putters_.require_wakeable(call);
        if (items_.size() == 0) {
            into.emplace(std::move(*first_put()));
            accept_first_put();
            return true;
        }
        items_.take(into);
        move_up();
        return true;
    }

    /// Waits for room. False when it is closed, with the item untouched.
    COIR_SUSPENDS bool put(T& item, const char* call) {
        TaskBase& self = enter_suspension_point(call, mark_);
        if (closed_) return false;
        if (!try_put(item, call)) return putters_.wait(call, &item);
        leave_without_suspending(self);
        return true;
    }
    /// Waits for an item. False when it is closed and there is none.
    COIR_SUSPENDS bool take(std::optional<T>& into, const char* call) {
        TaskBase& self = enter_suspension_point(call, mark_);
        if (!try_take(into, call)) return !closed_ && getters_.wait(call, &into);
        leave_without_suspending(self);
        return true;
    }
    /// Puts a node, whose slot is a T or an std::optional<T>, among those who wait.
    void enqueue_putter(WaitNode& node, TaskBase& self) { putters_.enqueue(node, self, "select"); }
    void enqueue_getter(WaitNode& node, TaskBase& self) { getters_.enqueue(node, self, "select"); }

    /// Lets nothing in any more and wakes who can get nothing.
    void close(const char* call) {
        mark_.check(call);
        getters_.require_wakeable(call);
        putters_.require_wakeable(call);
        closed_ = true;
        getters_.wake_all(WaitOutcome::closed);
        putters_.wake_all(WaitOutcome::closed);
    }
    void discard() noexcept { items_.clear(); }
    LoopMark& mark() noexcept { return mark_; }

private:
    T* first_put() noexcept {
        WaitNode* putter = putters_.front();
        return putter ? static_cast<T*>(putter->slot) : nullptr;
    }
    void accept_first_put() noexcept {
        ++accepted_;
        putters_.wake_one();
    }
    // There is room for who waits longest. Without memory for it, it waits on: what was taken counts.
    void move_up() noexcept {
        T* const item = first_put();
        if (!item) return;
        try {
            items_.push(std::move(*item));
        } catch (...) {
            return;
        }
        accept_first_put();
    }

    const std::size_t limit_;
    bool closed_ = false;
    std::uint64_t accepted_ = 0;
    Items items_;
    WaitQueue getters_;
    WaitQueue putters_;
    LoopMark mark_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
