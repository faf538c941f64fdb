// SPDX-License-Identifier: BSL-1.0
// Deadlines in a 4-ary heap with the keys inline; equal deadlines keep the order of their arming, which
// is in the timer itself, because it is seldom asked for: an entry is two words, and the four children of
// one lie in one cache line.
//
// A timer knows its place, so that cancelling is O(log n) and leaves nothing behind: memory is
// O(live timers), and a cancelled timer never wakes the loop.
#pragma once

#include "counter.hpp"

#include <coir/detail/callback.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

class TimerHeap {
public:
    TimerHeap() = default;
    TimerHeap(const TimerHeap&) = delete;
    TimerHeap& operator=(const TimerHeap&) = delete;

    bool empty() const noexcept { return size_ == 0; }
    /// How many are armed; any thread.
    std::size_t size() const noexcept { return size_; }
    /// The earliest deadline, or `never`.
    TimePoint next() const noexcept { return empty() ? never : entries_[0].when; }
    /// Arms `node`, which must not be armed. May throw std::bad_alloc.
    void arm(TimerNode& node, TimePoint when) {
        if (capacity_ - size_ < 2) [[unlikely]] keep_room();
        arm_last(node, when);
    }
    /// Room for one timer more than there will be, for arm_last(). May throw std::bad_alloc.
    [[gnu::noinline]] void keep_room() { reserve(size_ < 8 ? 16 : size_ * 2); }
    /// The same for the one timer that must not fail: the limit of a loop's end.
    void arm_last(TimerNode& node, TimePoint when) noexcept {
        node.sequence = ++sequence_;
        ++size_;
        sift_up(size_ - 1, {when, &node});
    }
    /// Disarms `node`; harmless when it is not armed.
    void disarm(TimerNode& node) noexcept {
        if (node.heap_index != TimerNode::unarmed) remove(node);
    }
    /// Takes the first timer that is due at `now` and was armed before `sequence()` was read; null
    /// when there is none.
    TimerNode* pop_due(TimePoint now, std::uint64_t armed_until) noexcept {
        if (empty() || entries_[0].when > now) return nullptr;
        TimerNode& node = *entries_[0].node;
        if (node.sequence > armed_until) return nullptr;
        remove(node);
        return &node;
    }
    std::uint64_t sequence() const noexcept { return sequence_; }

private:
    static constexpr std::size_t arity = 4;
    static constexpr std::size_t cache_line = 64;
    struct Entry {
        TimePoint when;
        TimerNode* node;
    };
    static_assert(arity * sizeof(Entry) == cache_line || sizeof(void*) != 8);
    struct Release {
        void operator()(void* memory) const noexcept {
            ::operator delete(memory, std::align_val_t{cache_line});
        }
    };

    static bool before(const Entry& a, const Entry& b) noexcept {
        if (a.when == b.when) [[unlikely]] return a.node->sequence < b.node->sequence;
        return a.when < b.when;
    }
    void reserve(std::size_t count) {
        if (count <= capacity_) return;
        constexpr std::size_t first = cache_line - sizeof(Entry);
        std::unique_ptr<void, Release> memory(
            ::operator new(first + count * sizeof(Entry), std::align_val_t{cache_line}));
        auto* const entries = reinterpret_cast<Entry*>(static_cast<char*>(memory.get()) + first);
        std::uninitialized_copy_n(entries_, size(), entries);
        entries_ = entries;
        capacity_ = count;
        memory_ = std::move(memory);
    }
    [[gnu::always_inline]] void place(std::size_t at, const Entry& entry) noexcept {
        entries_[at] = entry;
        entry.node->heap_index = static_cast<std::uint32_t>(at);
    }
    // The place of an armed node goes to the last entry, which then finds its own.
    void remove(TimerNode& node) noexcept {
        const std::size_t at = node.heap_index;
        node.heap_index = TimerNode::unarmed;
        --size_;
        const Entry last = entries_[size_];
        if (at == size_) return;
        if (at > 0 && before(last, entries_[(at - 1) / arity])) {
            sift_up(at, last);
        } else {
            sift_down(at, last);
        }
    }
    // `at` is a place that waits to be filled with `entry`, or with what must be there before it.
    void sift_up(std::size_t at, const Entry entry) noexcept {
        while (at > 0) {
            const std::size_t parent = (at - 1) / arity;
            if (!before(entry, entries_[parent])) break;
            place(at, entries_[parent]);
            at = parent;
        }
        place(at, entry);
    }
    void sift_down(std::size_t at, const Entry entry) noexcept {
        const std::size_t count = size_;
        for (;;) {
            const std::size_t first = at * arity + 1;
            if (first >= count) break;
            const std::size_t least = least_of(first, count);
            if (!before(entries_[least], entry)) break;
            place(at, entries_[least]);
            at = least;
        }
        place(at, entry);
    }
    // The earliest of up to four entries. Which one it is cannot be foreseen, so that no branch asks.
    [[gnu::always_inline]] std::size_t least_of(std::size_t first, std::size_t count) const noexcept {
        const Entry* const group = entries_ + first;
        if (first + arity <= count) [[likely]] {
            const auto one = static_cast<std::size_t>(before(group[1], group[0]));
            const auto other = 2 + static_cast<std::size_t>(before(group[3], group[2]));
            const std::size_t mask = 0 - static_cast<std::size_t>(before(group[other], group[one]));
            return first + (one ^ ((one ^ other) & mask));
        }
        std::size_t least = first;
        for (std::size_t child = first + 1; child < count; ++child) {
            if (before(entries_[child], entries_[least])) least = child;
        }
        return least;
    }

    Entry* entries_ = nullptr;  // the children of an entry share a cache line: so does entries_[1]
    std::size_t capacity_ = 0;
    Counter<std::size_t> size_;
    std::uint64_t sequence_ = 0;
    std::unique_ptr<void, Release> memory_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
