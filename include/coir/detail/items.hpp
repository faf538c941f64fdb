// SPDX-License-Identifier: BSL-1.0
// How the items of a queue are kept: in the order of their coming, the reverse, or by priority.
//
// All three have the same members. `push` and `take` lose nothing when there is no memory or a
// comparison throws (as long as items move without throwing), and allocate only to grow.
#pragma once

#include <coir/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// First in, first out: a ring.
template <class T>
class FifoItems {
public:
    std::size_t size() const noexcept { return count_; }
    void push(T&& item) {
        if (count_ == slots_.size()) grow();
        slots_[(first_ + count_) & (slots_.size() - 1)].emplace(std::move(item));
        ++count_;
    }
    /// There must be one.
    void take(std::optional<T>& into) {
        std::optional<T>& slot = slots_[first_];
        into.emplace(std::move(*slot));
        slot.reset();
        first_ = (first_ + 1) & (slots_.size() - 1);
        if (--count_ == 0 && slots_.size() > most_kept) clear();
    }
    void clear() noexcept {
        std::vector<std::optional<T>> old;
        old.swap(slots_);  // a destructor of an item may look at the queue
        first_ = count_ = 0;
    }

private:
    static constexpr std::size_t most_kept = 1024;  // slots, when it has run empty

    void grow() {
        std::vector<std::optional<T>> wider(slots_.empty() ? 8 : 2 * slots_.size());
        for (std::size_t i = 0; i < count_; ++i) {
            wider[i].emplace(std::move_if_noexcept(*slots_[(first_ + i) & (slots_.size() - 1)]));
        }
        slots_.swap(wider);
        first_ = 0;
    }

    std::vector<std::optional<T>> slots_;  // a power of two, or none
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

/// Last in, first out.
template <class T>
class LifoItems {
public:
    std::size_t size() const noexcept { return items_.size(); }
    void push(T&& item) { items_.push_back(std::move(item)); }
    void take(std::optional<T>& into) {
        into.emplace(std::move(items_.back()));
        items_.pop_back();
    }
    void clear() noexcept { std::vector<T>().swap(items_); }

private:
    std::vector<T> items_;
};

/// The least first, by `Cmp`; equal ones in the order of their coming. A binary heap. All
/// comparisons come before the first move.
template <class T, class Cmp>
class PriorityItems {
public:
    explicit PriorityItems(Cmp less = Cmp()) : less_(std::move(less)) {}

    std::size_t size() const noexcept { return heap_.size(); }
    void push(T&& item) {
        std::size_t at = heap_.size();
        std::size_t place = at;
        while (place > 0 && less_(item, heap_[parent(place)].item)) place = parent(place);
        heap_.push_back({std::move(item), next_number_});
        ++next_number_;
        for (; at != place; at = parent(at)) swap(heap_[at], heap_[parent(at)]);
    }
    void take(std::optional<T>& into) {
        // Where the last one goes: down from the top, to behind all that are before it.
        const std::size_t last = heap_.size() - 1;
        std::size_t path[64];
        std::size_t length = 0;
        for (std::size_t at = 0;;) {
            std::size_t child = 2 * at + 1;
            if (child >= last) break;
            if (child + 1 < last && before(heap_[child + 1], heap_[child])) ++child;
            if (!before(heap_[child], heap_[last])) break;
            path[length++] = at = child;
        }
        into.emplace(std::move(heap_[0].item));
        std::size_t hole = 0;
        for (std::size_t i = 0; i < length; hole = path[i++]) heap_[hole] = std::move(heap_[path[i]]);
        if (hole != last) heap_[hole] = std::move(heap_[last]);
        heap_.pop_back();
    }
    void clear() noexcept { std::vector<Entry>().swap(heap_); }

private:
    struct Entry {
        T item;
        std::uint64_t number;  // in the order of their coming
    };
    static std::size_t parent(std::size_t at) noexcept { return (at - 1) / 2; }
    static void swap(Entry& a, Entry& b) {
        Entry old = std::move(a);
        a = std::move(b);
        b = std::move(old);
    }
    bool before(const Entry& a, const Entry& b) {
        if (less_(a.item, b.item)) return true;
        return !less_(b.item, a.item) && a.number < b.number;
    }

    std::vector<Entry> heap_;
    std::uint64_t next_number_ = 0;
    [[no_unique_address]] Cmp less_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
