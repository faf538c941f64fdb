// SPDX-License-Identifier: BSL-1.0
// Signals of the process: which ones coir has hooked, and which loops want to hear of them.
//
//   nobody --first hook--> hooked (the disposition before is kept) --last unhook--> as before
//
// The handler runs on whatever thread the kernel picks, on top of whatever that thread does. It takes
// no lock: it walks the list of sinks, sets bits in those that want the signal, and wakes their
// loops. Whoever takes a sink off the list waits until no handler walks it any more.
#pragma once

#include <atomic>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

class Scheduler;

constexpr int last_signal = 64;
/// Signals from this one on are queued by the kernel, not coalesced.
constexpr int first_realtime_signal = 32;

constexpr std::uint64_t signal_bit(int signo) noexcept { return std::uint64_t{1} << (signo - 1); }

/// Where a loop's signals arrive. Everything here is the handler's: lock-free.
class SignalSink {
public:
    explicit SignalSink(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
    SignalSink(const SignalSink&) = delete;
    SignalSink& operator=(const SignalSink&) = delete;

    void want(int signo) noexcept { wanted_.fetch_or(signal_bit(signo)); }
    void want_no_more(int signo) noexcept { wanted_.fetch_and(~signal_bit(signo)); }
    /// Called by the handler. False: this loop does not want it.
    bool take(int signo) noexcept;
    /// The loop's side: what has come, as bits, and how often each real-time signal has.
    std::uint64_t collect() noexcept { return pending_.exchange(0); }
    std::uint32_t collect_times(int signo) noexcept;

private:
    friend struct SinkList;
    Scheduler& scheduler_;
    std::atomic<std::uint64_t> wanted_{0};
    std::atomic<std::uint64_t> pending_{0};
    std::atomic<std::uint32_t> times_[last_signal - first_realtime_signal + 1] = {};
    std::atomic<SignalSink*> next_{nullptr};
};

/// From now on the handler finds `sink`. Any thread.
void attach_sink(SignalSink& sink) noexcept;
/// Returns when no handler uses it any more. Harmless when it is not attached.
void detach_sink(SignalSink& sink) noexcept;

/// Any thread. Throws std::invalid_argument for a number that is none, std::runtime_error for a
/// signal that cannot be handled (SIGKILL, SIGSTOP) or not in this way (SIGSEGV and its like, whose
/// handler returns to the instruction that failed).
void check_signal(int signo);
/// Counted: the first one installs coir's handler, and the last unhook_signal() restores what was
/// there before, unless somebody else has changed it meanwhile. Throws as check_signal().
void hook_signal(int signo);
void unhook_signal(int signo) noexcept;

/// For the time of one run(): SIGINT and SIGTERM cancel the main task of `scheduler`, once; the
/// second one has its default effect. In the main thread only, and only where nobody else has hooked
/// them. Subscribers come first: what one of them gets does not cancel.
class InterruptScope {
public:
    explicit InterruptScope(Scheduler& scheduler);
    InterruptScope(const InterruptScope&) = delete;
    InterruptScope& operator=(const InterruptScope&) = delete;
    ~InterruptScope();

private:
    bool owns_ = false;
    bool hooked_[2] = {false, false};
};

// Around fork(). In the child every hooked signal is as it was before coir hooked it, and no sink
// is attached.
void lock_signals() noexcept;
void unlock_signals() noexcept;
void forget_signals_in_child() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
