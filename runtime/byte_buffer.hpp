// SPDX-License-Identifier: BSL-1.0
// Bytes that have been read and not yet asked for: consumed at the front, filled at the back. Holds
// no memory while it is not needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

class ByteBuffer {
public:
    std::string_view view() const noexcept { return {data_.get() + begin_, size()}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }

    void consume(std::size_t count) noexcept {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    /// Gives the memory back. Only when empty.
    void release() noexcept {
        data_.reset();
        begin_ = end_ = capacity_ = 0;
    }
    /// Makes room at the back: a quarter of the capacity, by moving or doubling. A buffer that the
    /// last transfer has filled is doubled up to 64 KiB: fewer, larger transfers. May throw.
    void make_room() {
        if (filled_ && empty() && capacity_ < largest_read) {
            filled_ = false;
            move_to(capacity_ * 2, 0);
            return;
        }
        if (!find_room(std::max<std::size_t>(capacity_ / 4, 1))) {
            move_to(capacity_ == 0 ? smallest : capacity_ * 2, 0);
        }
    }
    /// Makes room for so many at the back. May throw.
    void make_room_for(std::size_t count) {
        if (!find_room(count)) move_to(std::max(size() + count, smallest), 0);
    }
    char* tail() noexcept { return data_.get() + end_; }
    std::size_t room() const noexcept { return capacity_ - end_; }
    void commit(std::size_t count) noexcept {
        end_ += count;
        filled_ = end_ == capacity_;
    }
    /// Puts bytes back at the front. May throw.
    void put_back(std::string_view bytes) {
        if (bytes.empty()) return;
        if (begin_ < bytes.size()) {
            if (capacity_ - size() < bytes.size()) {
                move_to(std::max(size() + bytes.size(), smallest), bytes.size());
            } else {
                std::memmove(data_.get() + bytes.size(), data_.get() + begin_, size());
                end_ = bytes.size() + size();
                begin_ = bytes.size();
            }
        }
        begin_ -= bytes.size();
        std::memcpy(data_.get() + begin_, bytes.data(), bytes.size());
    }

private:
    static constexpr std::size_t smallest = 1024;
    static constexpr std::size_t largest_read = 64 * 1024;

    // In the memory that is there; false: it does not hold so many.
    bool find_room(std::size_t count) noexcept {
        if (capacity_ - end_ >= count) return true;
        if (begin_ == 0 || capacity_ - size() < count) return false;
        std::memmove(data_.get(), data_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
        return true;
    }
    void move_to(std::size_t capacity, std::size_t front) {
        std::unique_ptr<char[]> larger(new char[capacity]);
        const std::size_t count = size();
        if (count > 0) std::memcpy(larger.get() + front, data_.get() + begin_, count);
        data_ = std::move(larger);
        capacity_ = capacity;
        begin_ = front;
        end_ = front + count;
    }

    std::unique_ptr<char[]> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
    bool filled_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
