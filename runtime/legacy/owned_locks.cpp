// SPDX-License-Identifier: BSL-1.0
// See owned_locks.hpp.
#include "owned_locks.hpp"

#include <limits>

#include <sys/mman.h>

namespace coir_legacy {
namespace {

struct WantedOwned : Wanted {
    const OwnedKind* kind = nullptr;
    std::uint64_t task = 0;
};

// What follows has the shard's lock.

Owned** find(Shard& shard, const void* lock) noexcept {
    Owned** at = &shard.owned;
    while (*at && (*at)->lock != lock) at = &(*at)->next;
    return at;
}

// Pages of them, never given back: not from malloc, which may itself use such a lock.
Owned* new_entry(Shard& shard) noexcept {
    if (!shard.spare) {
        constexpr std::size_t page = 4096;
        const long memory = coir::detail::real_sys()(SYS_mmap, 0L, page, PROT_READ | PROT_WRITE,
                                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
        if (memory < 0) return nullptr;
        auto* entries = reinterpret_cast<Owned*>(memory);
        for (std::size_t i = 0; i < page / sizeof(Owned); ++i) {
            entries[i].next = shard.spare;
            shard.spare = &entries[i];
        }
    }
    Owned* entry = shard.spare;
    shard.spare = entry->next;
    return entry;
}

void remove(Shard& shard, Owned** at) noexcept {
    Owned* const entry = *at;
    *at = entry->next;
    entry->next = shard.spare;
    shard.spare = entry;
    shard.owners.fetch_sub(1, std::memory_order_relaxed);
}

int again_by_owner(Owned& entry, const OwnedKind& kind) noexcept {
    if (!kind.recursive) return EDEADLK;
    if (entry.count == std::numeric_limits<unsigned>::max()) return EAGAIN;
    ++entry.count;
    return 0;
}

int try_owned(const Wanted& wanted) noexcept {
    const auto& self = static_cast<const WantedOwned&>(wanted);
    Shard& shard = shard_of(self.lock);
    if (Owned* entry = *find(shard, self.lock)) {
        return entry->task == self.task ? again_by_owner(*entry, *self.kind) : EBUSY;
    }
    Owned* entry = new_entry(shard);
    if (!entry) return EAGAIN;
    const int error = self.kind->try_lock(const_cast<void*>(self.lock));
    Owned*& list = error == 0 || error == EOWNERDEAD ? shard.owned : shard.spare;
    *entry = {self.lock, self.task, 1, list};
    list = entry;
    if (&list == &shard.owned) shard.owners.fetch_add(1, std::memory_order_relaxed);
    return error;
}

WantedOwned want(void* lock, const OwnedKind& kind, const Until& until, bool unseen,
                 const char* what) noexcept {
    WantedOwned wanted{};
    wanted.lock = lock;
    wanted.attempt = &try_owned;
    wanted.what = what;
    wanted.until = until;
    wanted.unseen = unseen;
    wanted.kind = &kind;
    wanted.task = hooks::task_id();
    return wanted;
}

}  // namespace

int lock_owned(Scheduler& loop, void* lock, const OwnedKind& kind, const Until& until, bool unseen,
               const char* what) noexcept {
    const WantedOwned wanted = want(lock, kind, until, unseen, what);
    {
        const ShardLock held(shard_of(lock));
        if (const int result = try_owned(wanted); result != EBUSY) return result;
    }
    if (const int error = until.check()) return error;
    return acquire(loop, wanted);
}

int try_lock_owned(Scheduler& loop, void* lock, const OwnedKind& kind) noexcept {
    const WantedOwned wanted = want(lock, kind, {}, false, "");
    int result = 0;
    {
        const ShardLock held(shard_of(lock));
        result = try_owned(wanted);
    }
    if (result == EDEADLK) result = EBUSY;  // who only tries is told the same of its own lock
    if (result == EBUSY) did_not_wait(loop);
    return result;
}

Unlocked unlock_owned(void* lock, const OwnedKind& kind) noexcept {
    Shard& shard = shard_of(lock);
    if (shard.owners.load(std::memory_order_relaxed) == 0) return Unlocked::unknown;
    {
        const ShardLock held(shard);
        Owned** const at = find(shard, lock);
        Owned* const entry = *at;
        if (!entry) return Unlocked::unknown;
        if (entry->task != hooks::task_id()) return Unlocked::not_owner;
        if (--entry->count > 0) return Unlocked::still_held;
        static_cast<void>(kind.unlock(lock));
        remove(shard, at);
    }
    wake(lock, 1);
    return Unlocked::released;
}

void note_owner(const void* lock) noexcept {
    Shard& shard = shard_of(lock);
    const ShardLock held(shard);
    Owned* const entry = new_entry(shard);
    if (!entry) return;
    *entry = {lock, hooks::task_id(), 1, shard.owned};
    shard.owned = entry;
    shard.owners.fetch_add(1, std::memory_order_relaxed);
}

bool is_owner(const void* lock) noexcept {
    Shard& shard = shard_of(lock);
    if (shard.owners.load(std::memory_order_relaxed) == 0) return false;
    const ShardLock held(shard);
    const Owned* const entry = *find(shard, lock);
    return entry && entry->task == hooks::task_id();
}

void forget_owner(const void* lock) noexcept {
    Shard& shard = shard_of(lock);
    if (shard.owners.load(std::memory_order_relaxed) == 0) return;
    const ShardLock held(shard);
    Owned** const at = find(shard, lock);
    if (*at) remove(shard, at);
}

}  // namespace coir_legacy
