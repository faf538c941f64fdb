// SPDX-License-Identifier: BSL-1.0
// Which tasks wait at which address: a table in shards, for locks, condition variables, semaphores,
// futexes and whatever else is known by its address.
//
//   waiter:  count itself; look once more whether it must wait; stand in the queue; suspend
//   waker:   make what is waited for true; look at the count; wake
//
// Both write before they read, so at least one of them sees the other: no wake-up is lost, and who
// wakes nobody pays for one relaxed load.
//
// Threads: any. What a shard's lock guards is named so; under it nothing is called that could be
// suspended, allocate, or meet the wrappers.
#pragma once

#include "../legacy_hooks.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/intrusive_list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coir_legacy {

namespace hooks = coir::detail::legacy;

struct Shard;
struct Waiter;

/// A lock of which a task has to be the owner: recursive ones and those that check for errors. The
/// real one is held once, by the task's thread.
struct Owned {
    const void* lock;
    std::uint64_t task;
    unsigned count;
    Owned* next;
};

struct alignas(64) Shard {
    /// Waiters and those that are about to be.
    std::atomic<std::uint32_t> waiting{0};
    /// Threads that may release a lock of this shard where it is not seen: within libc.
    std::atomic<std::uint32_t> unseen{0};
    /// Entries of `owned`.
    std::atomic<std::uint32_t> owners{0};
    /// A signal handler could not get the lock: whoever has it must look again.
    std::atomic<bool> look_again{false};
    std::atomic<std::uint32_t> word{0};  ///< the lock

    // Guarded by the lock:
    coir::detail::IntrusiveList<Waiter> waiters;
    Owned* owned = nullptr;
    Owned* spare = nullptr;
};

/// A task that waits. On its stack.
struct Waiter : hooks::Parking {
    explicit Waiter(const void* at) noexcept;
    /// The queue's lock is held: whether it must wait. Null: it must.
    bool (*must_wait)(Waiter&) noexcept = nullptr;
    const void* address;
    Shard& shard;
    unsigned bits = ~0u;      ///< what it may be woken for
    bool first = false;       ///< to the head of the queue: it has stood there before
};

/// The lock of a shard, for its own code and for entries of `owned`.
class ShardLock {
public:
    explicit ShardLock(Shard& shard) noexcept : shard_(shard) { coir::detail::lock_word(shard.word); }
    ShardLock(const ShardLock&) = delete;
    ShardLock& operator=(const ShardLock&) = delete;
    ~ShardLock() { release(shard_); }
    static void release(Shard& shard) noexcept;

private:
    Shard& shard_;
};

extern constinit Shard shards[256];

inline Shard& shard_of(const void* address) noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(address);
    return shards[(bits * 0x9E3779B97F4A7C15u) >> 56];
}

/// The waker's look comes after its write. On x86 every release that a task can wait for is a locked
/// instruction already.
inline void write_before_reading() noexcept {
#if defined(__x86_64__)
    std::atomic_signal_fence(std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

inline bool anybody_at(const void* address) noexcept {
    write_before_reading();
    return shard_of(address).waiting.load(std::memory_order_relaxed) != 0;
}

/// Wakes up to `most` tasks that wait at this address for one of `bits`; returns how many.
std::size_t wake_slowly(const void* address, std::size_t most, unsigned bits) noexcept;
inline std::size_t wake(const void* address, std::size_t most, unsigned bits = ~0u) noexcept {
    if (!anybody_at(address)) [[likely]] return 0;
    return wake_slowly(address, most, bits);
}
inline constexpr std::size_t all = ~std::size_t{0};
/// The first one, and those behind it that want the same of `shared_bits`.
void wake_sharing(const void* address, unsigned shared_bits) noexcept;
/// One, from a signal handler perhaps.
void wake_from_anywhere(const void* address) noexcept;

}  // namespace coir_legacy
