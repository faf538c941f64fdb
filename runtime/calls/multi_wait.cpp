// SPDX-License-Identifier: BSL-1.0
// See multi_wait.hpp.
#include "multi_wait.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace coir::inline v0::detail::calls {
namespace {

constexpr Nanoseconds mask_interval = std::chrono::milliseconds(5);

}  // namespace

TimePoint after_milliseconds(Scheduler& loop, int timeout) noexcept {
    if (timeout < 0) return coir::never;
    if (timeout == 0) return past;
    return coir::saturating_add(hooks::sys(loop).now(), std::chrono::milliseconds(timeout));
}

TimePoint after(Scheduler& loop, const timespec* timeout) noexcept {
    if (!timeout) return coir::never;
    if (timeout->tv_sec == 0 && timeout->tv_nsec == 0) return past;
    constexpr time_t longest = 9'000'000'000;  // more nanoseconds would not fit
    if (timeout->tv_sec > longest) return coir::never;
    return coir::saturating_add(hooks::sys(loop).now(), std::chrono::seconds(timeout->tv_sec) +
                                                            Nanoseconds(timeout->tv_nsec));
}

bool is_valid(const timespec* timeout) noexcept {
    return !timeout || (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 &&
                        timeout->tv_nsec < 1'000'000'000);
}

MultiWait::~MultiWait() { delete[] many_; }

int MultiWait::reserve(std::size_t most) noexcept {
    count_ = 0;
    if (most <= few || many_) return 0;
    many_ = new (std::nothrow) hooks::WaitOperation[most];
    return many_ ? 0 : -ENOMEM;
}

void MultiWait::add(int fd, short events) noexcept {
    if (fd < 0) return;
    hooks::WaitOperation& operation = (many_ ? many_ : few_)[count_++];
    operation = hooks::WaitOperation();
    prepare_poll(operation, fd, events);
}

long MultiWait::wait() noexcept {
    const std::size_t count = std::exchange(count_, 0);
    if (deadline_ == past) return -ETIMEDOUT;
    Sys& sys = hooks::sys(loop_);
    suspended_ = true;
    TimePoint until = deadline_;
    if (looks_again_) until = std::min(until, coir::saturating_add(sys.now(), mask_interval));
    // Ready, and yet not what the caller asked for (select and POLLHUP): then by the clock.
    const Nanoseconds pause = pause_after(futile_);
    const bool by_clock = pause.count() > 0;
    if (by_clock) until = std::min(until, coir::saturating_add(sys.now(), pause));
    const Woken woken = hooks::wait_any(loop_, by_clock ? nullptr : many_ ? many_ : few_,
                                        by_clock ? 0 : count, until, what_, Interruptible::always);
    switch (woken) {
        case Woken::cancelled: return -ECANCELED;
        case Woken::no_memory: return -ENOMEM;
        case Woken::interrupted: return -EINTR;
        case Woken::timeout:
            if (by_clock) ++futile_;
            return until >= deadline_ ? -ETIMEDOUT : 0;
        case Woken::event:
        case Woken::closed: break;
    }
    ++futile_;
    return 0;
}

int MultiWait::finish(long result) noexcept {
    if (!suspended_) did_not_suspend(loop_);
    return static_cast<int>(to_libc(result));
}

}  // namespace coir::inline v0::detail::calls
