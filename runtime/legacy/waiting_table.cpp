// SPDX-License-Identifier: BSL-1.0
// See waiting_table.hpp.
#include "waiting_table.hpp"

#include "fork.hpp"

#include <memory>

namespace coir_legacy {
namespace {

// What has come by while the shard was locked has not seen it: signal handlers.
constexpr bool from_signal = true;

bool join(hooks::Parking& parking) noexcept {
    auto& waiter = static_cast<Waiter&>(parking);
    Shard& shard = waiter.shard;
    const ShardLock lock(shard);
    shard.waiting.fetch_add(1, std::memory_order_seq_cst);
    if (waiter.must_wait && !waiter.must_wait(waiter)) {
        shard.waiting.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    if (waiter.first) {
        shard.waiters.push_front(waiter);
    } else {
        shard.waiters.push_back(waiter);
    }
    return true;
}

bool withdraw(hooks::Parking& parking) noexcept {
    auto& waiter = static_cast<Waiter&>(parking);
    const ShardLock lock(waiter.shard);
    if (!waiter.linked()) return false;
    waiter.unlink();
    waiter.shard.waiting.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

// With the lock held.
void release_waiter(Shard& shard, Waiter& waiter, bool in_signal) noexcept {
    waiter.unlink();
    shard.waiting.fetch_sub(1, std::memory_order_relaxed);
    hooks::unpark(waiter, in_signal);
}

std::size_t wake_locked(Shard& shard, const void* address, std::size_t most, unsigned bits,
                        bool in_signal = false) noexcept {
    std::size_t woken = 0;
    for (Waiter* waiter = shard.waiters.front(); waiter && woken < most;) {
        Waiter* const next = shard.waiters.next(*waiter);
        if (waiter->address == address && (waiter->bits & bits) != 0) {
            release_waiter(shard, *waiter, in_signal);
            ++woken;
        }
        waiter = next;
    }
    return woken;
}

// It is not known any more for whom the handler came.
void wake_everybody_locked(Shard& shard) noexcept {
    while (Waiter* waiter = shard.waiters.front()) release_waiter(shard, *waiter, from_signal);
}

bool try_lock(Shard& shard) noexcept {
    std::uint32_t free = 0;
    return shard.word.compare_exchange_strong(free, 1, std::memory_order_acquire);
}

}  // namespace

constinit Shard shards[256];

namespace {

// g++ 12 gives all elements of a constant array the links of the first one's list. Nobody waits yet.
[[gnu::constructor(101)]] void make_lists() {
    for (Shard& shard : shards) std::construct_at(&shard.waiters);
}

}  // namespace

Waiter::Waiter(const void* at) noexcept : address(at), shard(shard_of(at)) {
    Parking::join = &coir_legacy::join;
    Parking::withdraw = &coir_legacy::withdraw;
}

void ShardLock::release(Shard& shard) noexcept {
    coir::detail::unlock_word(shard.word);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    while (shard.look_again.load(std::memory_order_relaxed)) [[unlikely]] {
        if (!try_lock(shard)) return;  // then it is the new holder's
        shard.look_again.store(false, std::memory_order_seq_cst);
        wake_everybody_locked(shard);
        coir::detail::unlock_word(shard.word);
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
}

std::size_t wake_slowly(const void* address, std::size_t most, unsigned bits) noexcept {
    Shard& shard = shard_of(address);
    const ShardLock lock(shard);
    return wake_locked(shard, address, most, bits);
}

void wake_sharing(const void* address, unsigned shared_bits) noexcept {
    if (!anybody_at(address)) [[likely]] return;
    Shard& shard = shard_of(address);
    const ShardLock lock(shard);
    bool any = false;
    for (Waiter* waiter = shard.waiters.front(); waiter;) {
        Waiter* const next = shard.waiters.next(*waiter);
        if (waiter->address == address) {
            const bool shares = (waiter->bits & shared_bits) != 0;
            if (any && !shares) return;
            release_waiter(shard, *waiter, false);
            if (!shares) return;
            any = true;
        }
        waiter = next;
    }
}

void wake_from_anywhere(const void* address) noexcept {
    if (!anybody_at(address)) [[likely]] return;
    Shard& shard = shard_of(address);
    if (try_lock(shard)) {
        wake_locked(shard, address, 1, ~0u, from_signal);
        ShardLock::release(shard);
        return;
    }
    shard.look_again.store(true, std::memory_order_seq_cst);
    if (!try_lock(shard)) return;  // the holder looks again when it gives the lock back
    ShardLock::release(shard);
}

void lock_shards() noexcept {
    for (Shard& shard : shards) coir::detail::lock_word(shard.word);
}
void unlock_shards() noexcept {
    for (Shard& shard : shards) ShardLock::release(shard);
}

void forget_waiters() noexcept {
    for (Shard& shard : shards) {
        while (shard.waiters.pop_front()) {
        }
        shard.waiting.store(0, std::memory_order_relaxed);
        shard.unseen.store(0, std::memory_order_relaxed);
    }
}

}  // namespace coir_legacy
