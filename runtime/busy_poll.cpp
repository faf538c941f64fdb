// SPDX-License-Identifier: BSL-1.0
// RunOptions::busy_poll: looking for work for a while instead of sleeping.
#include "scheduler.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Between two looks at the kernel, which cost a system call on most reactors: other threads' posts are
// in memory, and are looked for first.
constexpr int looks_at_inbox = 64;

void rest() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

}  // namespace

void Scheduler::require_busy_poll(Nanoseconds time) {
    if (time.count() >= 0) return;
    throw std::invalid_argument("coir: RunOptions::busy_poll must not be negative, got " +
                                std::to_string(time.count()) + " ns");
}

bool Scheduler::watch_inbox() const noexcept {
    for (int i = 0; i < looks_at_inbox; ++i) {
        if (!inbox_.empty() || signalled_.load(std::memory_order_relaxed)) return true;
        rest();
    }
    return false;
}

std::optional<WaitResult> Scheduler::look_busily(TimePoint deadline) noexcept {
    if (reactor_->world()) return std::nullopt;  // its clock would not move
    TimePoint time = now();
    const TimePoint until = std::min(deadline, saturating_add(time, options_.busy_poll));
    for (;;) {
        // Threads that post all the time must not keep the loop from its kernel.
        if (time - looked_at_kernel_ < time_per_poll && watch_inbox()) return WaitResult();
        const WaitResult result = reactor_->wait(TimePoint::min(), completions_);
        time = looked_at_kernel_ = now();
        const bool came = result.woken || completions_.size() != 0 || !completions_.events().empty();
        if (came || result.error != 0 || !inbox_.empty()) return result;
        if (time < until) continue;
        if (until == deadline) return result;  // a timer is due
        return std::nullopt;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
