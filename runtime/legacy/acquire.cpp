// SPDX-License-Identifier: BSL-1.0
// See acquire.hpp.
#include "acquire.hpp"

#include <algorithm>

namespace coir_legacy {
namespace {

// A clock that is set while somebody waits until a time of day is noticed this late at most.
constexpr Nanoseconds set_clock_interval = std::chrono::seconds(1);
constexpr Nanoseconds first_pause = std::chrono::milliseconds(1);
constexpr Nanoseconds longest_pause = std::chrono::milliseconds(10);

struct LockWaiter : Waiter {
    LockWaiter(const Wanted& want, bool looks) noexcept
        : Waiter(want.lock), wanted(want), looks_itself(looks) {
        bits = want.bits;
        must_wait = &busy;
    }
    static bool busy(Waiter& waiter) noexcept {
        auto& self = static_cast<LockWaiter&>(waiter);
        self.result = self.wanted.attempt(self.wanted);
        if (self.result != EBUSY) return false;
        // Somebody has begun to release locks unseen: not without a clock, then.
        return self.looks_itself || self.shard.unseen.load(std::memory_order_seq_cst) == 0;
    }
    const Wanted& wanted;
    const bool looks_itself;
    int result = EBUSY;
};

}  // namespace

int Until::check() const noexcept {
    if (when_ && (when_->tv_nsec < 0 || when_->tv_nsec >= 1'000'000'000)) return EINVAL;
    return clock_ == CLOCK_MONOTONIC || clock_ == CLOCK_REALTIME ? 0 : EINVAL;
}

Nanoseconds Until::left(Sys& sys) const noexcept {
    timespec now{};
    sys(SYS_clock_gettime, clock_, &now);
    constexpr time_t longest = 9'000'000'000;  // more nanoseconds would not fit
    const time_t seconds = std::clamp<time_t>(when_->tv_sec, -1, now.tv_sec + longest) - now.tv_sec;
    return std::chrono::seconds(seconds) + Nanoseconds(when_->tv_nsec - now.tv_nsec);
}

bool Until::over(Sys& sys) const noexcept { return when_ && left(sys).count() <= 0; }

TimePoint Until::next_look(Sys& sys) const noexcept {
    if (!when_) return coir::never;
    Nanoseconds wait = left(sys);
    if (clock_ != CLOCK_MONOTONIC) wait = std::min(wait, set_clock_interval);
    return coir::saturating_add(sys.now(), wait);
}

int acquire(Scheduler& loop, const Wanted& wanted) noexcept {
    const int saved = errno;
    Sys& sys = hooks::sys(loop);
    Nanoseconds pause = first_pause;
    bool again = false;
    for (;;) {
        const bool looks = wanted.unseen || shard_of(wanted.lock).unseen.load() != 0;
        TimePoint limit = wanted.until.next_look(sys);
        if (looks) limit = std::min(limit, coir::saturating_add(sys.now(), pause));
        LockWaiter waiter(wanted, looks);
        waiter.first = again;
        const Woken woken = hooks::park(loop, waiter, limit, wanted.cancellable, wanted.what,
                                       wanted.interruptible);
        errno = saved;
        if (waiter.result != EBUSY) return waiter.result;
        if (woken == Woken::no_memory) return ENOMEM;
        again = true;
        if (woken == Woken::event) continue;
        // Whoever released it just now has found nobody waiting.
        const bool ends = woken == Woken::cancelled || woken == Woken::interrupted;
        if (ends || wanted.until.over(sys)) {
            const ShardLock lock(waiter.shard);
            const int last = wanted.attempt(wanted);
            errno = saved;
            if (last != EBUSY) return last;
            if (!ends) return ETIMEDOUT;
            return woken == Woken::cancelled ? ECANCELED : EINTR;
        }
        pause = std::min(pause * 2, longest_pause);
    }
}

void did_not_wait(Scheduler& loop) noexcept {
    constexpr int calls_per_turn = 64;
    [[gnu::tls_model("initial-exec")]] static constinit thread_local int left = calls_per_turn;
    if (--left > 0) return;
    left = calls_per_turn;
    hooks::yield(loop);
}

ReleasesUnseen::ReleasesUnseen(const void* lock) noexcept : shard_(shard_of(lock)) {
    shard_.unseen.fetch_add(1, std::memory_order_seq_cst);
    // Those that wait already know nothing of it.
    wake(lock, all);
}

ReleasesUnseen::~ReleasesUnseen() { shard_.unseen.fetch_sub(1, std::memory_order_seq_cst); }

}  // namespace coir_legacy
