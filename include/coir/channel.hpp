// SPDX-License-Identifier: BSL-1.0
// Channels: queues that can be without room, that end, and that select() waits for.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/item_queue.hpp>
#include <coir/detail/items.hpp>
#include <coir/error.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

COIR_API std::size_t checked_capacity(std::ptrdiff_t capacity);
template <class T>
struct ChannelAccess;

}  // namespace detail

/// Values from senders to receivers, in order, each to exactly one. With a capacity of 0 a sender
/// waits until a receiver has its value; otherwise until there is room.
///
///     for (Job job : channel) work_on(job);      // until it is closed and empty
///
/// What holds for queues (queue.hpp) holds here too. Behaviour: Go's channels, but for sending on a
/// closed one, which throws.
template <class T>
class Channel {
public:
    /// std::invalid_argument for a negative capacity.
    explicit Channel(std::ptrdiff_t capacity = 0) : queue_(detail::checked_capacity(capacity)) {}
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Sends a value, waiting for room or, with a capacity of 0, for a receiver. Throws
    /// ChannelClosed, also when it is closed meanwhile, and CancelledError: the value is not in then.
    COIR_SUSPENDS void send(T value) {
        if (!queue_.put(value, "channel send")) throw ChannelClosed();
    }
    /// Receives the next value, waiting for one; nothing when the channel is closed and empty.
    COIR_SUSPENDS std::optional<T> receive() {
        std::optional<T> value;
        queue_.take(value, "channel receive");
        return value;
    }
    /// Sends if that needs no waiting; says whether it did, and moves from the value only then.
    /// Throws ChannelClosed.
    bool try_send(T&& value) {
        if (queue_.closed()) throw ChannelClosed();
        return queue_.try_put(value, "channel send");
    }
    bool try_send(const T& value)
        requires std::copy_constructible<T>
    {
        T copy(value);
        return try_send(std::move(copy));
    }
    /// Receives if there is a value now.
    std::optional<T> try_receive() {
        std::optional<T> value;
        queue_.try_take(value, "channel receive");
        return value;
    }
    /// Ends the sending: senders that wait get ChannelClosed, what is in can still be received, then
    /// receivers get nothing. Closing again is harmless.
    void close() { queue_.close("channel close"); }
    bool closed() const noexcept { return queue_.closed(); }

    /// Values that are in, without those of waiting senders.
    std::size_t size() const noexcept { return queue_.size(); }
    bool empty() const noexcept { return queue_.size() == 0; }
    std::size_t capacity() const noexcept { return queue_.limit(); }

    /// Receives with every ++: a single-pass iterator.
    class Iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        explicit Iterator(Channel& channel) : channel_(&channel) { ++*this; }
        /// The value, which may be moved from.
        T& operator*() const noexcept { return *value_; }
        T* operator->() const noexcept { return &*value_; }
        COIR_SUSPENDS Iterator& operator++() {
            value_.reset();
            channel_->queue_.take(value_, "channel receive");
            return *this;
        }
        COIR_SUSPENDS void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !value_; }

    private:
        Channel* channel_;
        mutable std::optional<T> value_;
    };
    /// Receives the first value.
    COIR_SUSPENDS Iterator begin() { return Iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend struct detail::ChannelAccess<T>;
    detail::ItemQueue<T, detail::FifoItems<T>> queue_;
};

}  // namespace v0
}  // namespace coir
