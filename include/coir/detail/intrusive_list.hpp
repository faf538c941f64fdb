// SPDX-License-Identifier: BSL-1.0
// A doubly linked list whose links live in its members: no allocation, O(1) removal.
#pragma once

namespace coir {
inline namespace v0 {
namespace detail {

struct ListLink {
    ListLink* prev = this;
    ListLink* next = this;

    ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;

    bool linked() const noexcept { return next != this; }
    void unlink() noexcept {
        prev->next = next;
        next->prev = prev;
        prev = next = this;
    }
};

/// FIFO list of `T`, which derives from ListLink. Members must outlive their membership.
template <class T>
class IntrusiveList {
public:
    bool empty() const noexcept { return !head_.linked(); }
    T* front() noexcept { return empty() ? nullptr : static_cast<T*>(head_.next); }
    void push_back(T& item) noexcept {
        ListLink& link = item;
        link.prev = head_.prev;
        link.next = &head_;
        head_.prev->next = &link;
        head_.prev = &link;
    }
    void push_front(T& item) noexcept {
        ListLink& link = item;
        link.prev = &head_;
        link.next = head_.next;
        head_.next->prev = &link;
        head_.next = &link;
    }
    T* pop_front() noexcept {
        T* item = front();
        if (item) static_cast<ListLink*>(item)->unlink();
        return item;
    }
    /// The item behind `item`, or null at the end.
    T* next(T& item) noexcept {
        ListLink* link = static_cast<ListLink&>(item).next;
        return link == &head_ ? nullptr : static_cast<T*>(link);
    }
    const T* next(const T& item) const noexcept {
        const ListLink* link = static_cast<const ListLink&>(item).next;
        return link == &head_ ? nullptr : static_cast<const T*>(link);
    }
    const T* front() const noexcept {
        return empty() ? nullptr : static_cast<const T*>(head_.next);
    }
    /// Moves every member to the (empty) list `other`.
    void move_to(IntrusiveList& other) noexcept {
        if (empty()) return;
        other.head_.next = head_.next;
        other.head_.prev = head_.prev;
        other.head_.next->prev = &other.head_;
        other.head_.prev->next = &other.head_;
        head_.prev = head_.next = &head_;
    }

private:
    ListLink head_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
