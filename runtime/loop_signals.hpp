// SPDX-License-Identifier: BSL-1.0
// The signals of one loop: who on it has subscribed to what, and handing over what the signal handler
// has left in the loop's sink.
//
// Threads: the loop's, but for the sink.
#pragma once

#include "signal_table.hpp"

#include <coir/detail/intrusive_list.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

class SignalCallback;
struct SignalHandler;

/// Somebody who is told of signals: a SignalStream, a handler of the loop's.
struct SignalSubscription : ListLink {
    std::uint64_t signals = 0;
    /// `times` is 1 but for real-time signals, which do not coalesce. Runs on the loop, outside any
    /// task; must not run code of the program's.
    void (*arrived)(SignalSubscription&, int signo, std::uint32_t times) noexcept = nullptr;
};

class LoopSignals {
public:
    explicit LoopSignals(Scheduler& scheduler) noexcept
        : scheduler_(scheduler), sink_(scheduler) {
        attach_sink(sink_);
    }
    LoopSignals(const LoopSignals&) = delete;
    LoopSignals& operator=(const LoopSignals&) = delete;
    ~LoopSignals() { close(); }

    /// Hooks its signals. Throws as hook_signal(), with nothing changed.
    void add(SignalSubscription& subscription);
    /// Harmless for one that is not, or no longer, on the list.
    void remove(SignalSubscription& subscription) noexcept;
    /// The loop's own handler of a signal, in the place of the one before. It is queued like any
    /// callback; one that is removed while it is queued does not run.
    void set_handler(int signo, std::unique_ptr<SignalCallback> callback);
    bool remove_handler(int signo) noexcept;
    /// Whether there are any: a loop that waits for a signal is not deadlocked.
    bool any() const noexcept { return !subscriptions_.empty(); }
    /// Tells the subscribers what has come since the last call.
    void deliver() noexcept;
    /// The end of the loop: everybody is taken off the list. Twice is harmless.
    void close() noexcept;
    /// In the child of a fork, where all of this belongs to the parent: what follows is as new.
    void forget() noexcept;

private:
    void hook(int signo);
    void release(std::uint64_t signals) noexcept;

    Scheduler& scheduler_;
    SignalSink sink_;
    IntrusiveList<SignalSubscription> subscriptions_;
    std::uint16_t users_[last_signal + 1] = {};
    SignalHandler* handlers_[last_signal + 1] = {};
};

/// The signals of a list, as bits. Throws std::invalid_argument when it is empty, and as
/// check_signal() for its members.
std::uint64_t signal_set(const int* signals, std::size_t count);

}  // namespace detail
}  // namespace v0
}  // namespace coir
