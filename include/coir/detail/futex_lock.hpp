// SPDX-License-Identifier: BSL-1.0
// A mutex, a wake-up counter and a value made once, on raw futexes, for what the loop's thread shares
// with other threads.
//
// Not std::mutex or guarded static variables: the libc interposer replaces pthread locks and guards
// by ones that suspend the calling task, and the runtime must never be suspended inside itself.
//
// Internal: nothing here is API.
#pragma once

#include <coir/detail/sys.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <new>

namespace coir {
inline namespace v0 {
namespace detail {

// As in <linux/futex.h>: FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG.
inline constexpr int futex_wait_private = 0 | 128;
inline constexpr int futex_wake_private = 1 | 128;

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    thread_sys()(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), futex_wait_private, expected,
                 nullptr, nullptr, 0);
}
/// For so long at most.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       Nanoseconds limit) noexcept {
    constexpr Nanoseconds longest = std::chrono::hours(24);  // the caller looks and waits again
    const Nanoseconds shown = limit < longest ? limit : longest;
    const timespec timeout{shown.count() / 1'000'000'000, shown.count() % 1'000'000'000};
    thread_sys()(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), futex_wait_private, expected,
                 &timeout, nullptr, 0);
}
inline void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
    thread_sys()(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), futex_wake_private, count,
                 nullptr, nullptr, 0);
}

/// A word as a lock: 0 free, 1 held, 2 held and waited for.
inline void lock_word(std::atomic<std::uint32_t>& word) noexcept {
    std::uint32_t state = 0;
    if (word.compare_exchange_strong(state, 1, std::memory_order_acquire)) return;
    while (word.exchange(2, std::memory_order_acquire) != 0) futex_wait(word, 2);
}
inline void unlock_word(std::atomic<std::uint32_t>& word) noexcept {
    if (word.exchange(0, std::memory_order_release) == 2) futex_wake(word, 1);
}

/// Holds a word that is in a public header, where there is no FutexLock, for as long as it lives.
class WordLock {
public:
    explicit WordLock(std::atomic<std::uint32_t>& word) noexcept : word_(word) { lock_word(word_); }
    WordLock(const WordLock&) = delete;
    WordLock& operator=(const WordLock&) = delete;
    ~WordLock() { unlock_word(word_); }

private:
    std::atomic<std::uint32_t>& word_;
};

class FutexLock {
public:
    void lock() noexcept { lock_word(word_); }
    void unlock() noexcept { unlock_word(word_); }

private:
    std::atomic<std::uint32_t> word_{0};
};

/// A value that is made at its first use and never destroyed: threads may still use it while the
/// process exits. For constinit variables, but not local ones: those would have a guard.
template <class T>
class MadeOnce {
public:
    constexpr MadeOnce() noexcept : nothing_() {}
    MadeOnce(const MadeOnce&) = delete;
    MadeOnce& operator=(const MadeOnce&) = delete;
    ~MadeOnce() {}

    /// What `make()` returns at the first call; when it throws, the next one tries again.
    template <class Make>
    T& get(Make&& make) {
        if (!made_.load(std::memory_order_acquire)) make_now(make);
        return value_;
    }
    T& get() {
        return get([] { return T(); });
    }

private:
    template <class Make>
    [[gnu::noinline]] void make_now(Make& make) {
        const WordLock lock(word_);
        if (made_.load(std::memory_order_relaxed)) return;
        ::new (static_cast<void*>(&value_)) T(make());
        made_.store(true, std::memory_order_release);
    }

    std::atomic<bool> made_{false};
    std::atomic<std::uint32_t> word_{0};
    union {
        char nothing_;
        T value_;
    };
};

/// Threads sleep until the count changes.
class FutexSignal {
public:
    std::uint32_t current() const noexcept { return word_.load(std::memory_order_acquire); }
    void wait(std::uint32_t seen) noexcept { futex_wait(word_, seen); }
    void notify(int count) noexcept {
        word_.fetch_add(1, std::memory_order_release);
        futex_wake(word_, count);
    }

private:
    std::atomic<std::uint32_t> word_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
