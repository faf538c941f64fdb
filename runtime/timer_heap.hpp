// SPDX-License-Identifier: BSL-1.0
// Deadlines in a 4-ary heap with the keys inline; equal deadlines keep the order of their arming.
//
// A timer knows its place, so that cancelling is O(log n) and leaves nothing behind: memory is
// O(live timers), and a cancelled timer never wakes the loop.
#pragma once

#include "counter.hpp"

#include <coir/detail/callback.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class TimerHeap {
public:
    bool empty() const noexcept { return entries_.empty(); }
    /// How many are armed; any thread.
    std::size_t size() const noexcept { return size_; }
    /// The earliest deadline, or `never`.
    TimePoint next() const noexcept { return empty() ? never : entries_.front().when; }
    /// Arms `node`, which must not be armed. May throw std::bad_alloc.
    void arm(TimerNode& node, TimePoint when) {
        if (entries_.capacity() - entries_.size() < 2) [[unlikely]] keep_room();
        arm_last(node, when);
    }
    /// Room for one timer more than there will be, for arm_last(). May throw std::bad_alloc.
    void keep_room() { entries_.reserve(entries_.size() < 8 ? 16 : entries_.size() * 2); }
    /// The same for the one timer that must not fail: the limit of a loop's end.
    void arm_last(TimerNode& node, TimePoint when) noexcept {
        entries_.push_back({when, ++sequence_, &node});
        ++size_;
        sift_up(entries_.size() - 1);
    }
    /// Disarms `node`; harmless when it is not armed.
    void disarm(TimerNode& node) noexcept {
        const std::size_t at = node.heap_index;
        if (node.heap_index == TimerNode::unarmed) return;
        node.heap_index = TimerNode::unarmed;
        const Entry last = entries_.back();
        entries_.pop_back();
        --size_;
        if (at == entries_.size()) return;
        place(at, last);
        if (at > 0 && before(last, entries_[(at - 1) / arity])) {
            sift_up(at);
        } else {
            sift_down(at);
        }
    }
    /// Takes the first timer that is due at `now` and was armed before `sequence()` was read; null
    /// when there is none.
    TimerNode* pop_due(TimePoint now, std::uint64_t armed_until) noexcept {
        if (empty() || entries_.front().when > now || entries_.front().sequence > armed_until) {
            return nullptr;
        }
        TimerNode* node = entries_.front().node;
        disarm(*node);
        return node;
    }
    std::uint64_t sequence() const noexcept { return sequence_; }

private:
    static constexpr std::size_t arity = 4;
    struct Entry {
        TimePoint when;
        std::uint64_t sequence;
        TimerNode* node;
    };
    static bool before(const Entry& a, const Entry& b) noexcept {
        return a.when != b.when ? a.when < b.when : a.sequence < b.sequence;
    }
    void place(std::size_t at, const Entry& entry) noexcept {
        entries_[at] = entry;
        entry.node->heap_index = static_cast<std::uint32_t>(at);
    }
    void sift_up(std::size_t at) noexcept {
        const Entry entry = entries_[at];
        while (at > 0) {
            const std::size_t parent = (at - 1) / arity;
            if (!before(entry, entries_[parent])) break;
            place(at, entries_[parent]);
            at = parent;
        }
        place(at, entry);
    }
    void sift_down(std::size_t at) noexcept {
        const Entry entry = entries_[at];
        const std::size_t count = entries_.size();
        for (;;) {
            const std::size_t first = at * arity + 1;
            if (first >= count) break;
            const std::size_t end = first + arity < count ? first + arity : count;
            std::size_t least = first;
            for (std::size_t child = first + 1; child < end; ++child) {
                if (before(entries_[child], entries_[least])) least = child;
            }
            if (!before(entries_[least], entry)) break;
            place(at, entries_[least]);
            at = least;
        }
        place(at, entry);
    }

    std::vector<Entry> entries_;
    Counter<std::size_t> size_;
    std::uint64_t sequence_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
