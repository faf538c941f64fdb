// SPDX-License-Identifier: BSL-1.0
// A number that one thread changes and any thread may read: it costs what a plain one does.
#pragma once

#include <atomic>

namespace coir {
inline namespace v0 {
namespace detail {

template <class T>
class Counter {
public:
    operator T() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }
    Counter& operator+=(T more) noexcept {
        set(static_cast<T>(*this + more));
        return *this;
    }
    Counter& operator++() noexcept { return *this += 1; }
    Counter& operator--() noexcept {
        set(static_cast<T>(*this - 1));
        return *this;
    }

private:
    std::atomic<T> value_{};
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
