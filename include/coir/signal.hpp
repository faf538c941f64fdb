// SPDX-License-Identifier: BSL-1.0
// Waiting for signals: SIGHUP to read a configuration again, SIGTERM to end gracefully.
//
//     coir::SignalStream signals({SIGHUP, SIGTERM});
//     while (signals.next() == SIGHUP) reload();
//
// While anybody is subscribed to a signal its disposition is coir's: it neither ends the process nor
// cancels the main task of run(). When the last subscriber goes, what was there before is restored,
// unless the program has installed a handler of its own meanwhile. Nothing need be blocked in any
// thread: the signal may come to whichever thread the kernel picks.
//
// Every subscriber gets every signal: streams, handlers of EventLoop::add_signal_handler(), on one
// loop or on several in as many threads. As in the kernel, a signal that comes again before the loop
// has looked counts once, real-time signals (SIGRTMIN and up) each time. What came before the
// subscription is not seen. Errors: std::invalid_argument for a number that is no signal or an empty
// list, std::runtime_error for SIGKILL and SIGSTOP, and for SIGSEGV, SIGBUS, SIGFPE and SIGILL, whose
// handlers would return to the instruction that failed.
#pragma once

#include <coir/detail/config.hpp>

#include <csignal>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
class SignalStreamState;
}

/// Suspends until one of the signals comes, and returns its number. Subscribed only for the time of
/// the call: to miss nothing between two calls, use a SignalStream. A cancelled wait takes none.
COIR_API COIR_SUSPENDS int wait_signal(std::initializer_list<int> signals);
COIR_API COIR_SUSPENDS int wait_signal(const std::vector<int>& signals);

/// A subscription, from its construction to its end. Move-only. Threads: the loop's; it may be
/// destroyed on another one.
class COIR_API SignalStream {
public:
    /// Subscribes the running loop; std::logic_error when none runs. Not a suspension point.
    explicit SignalStream(std::initializer_list<int> signals);
    explicit SignalStream(const std::vector<int>& signals);
    SignalStream(SignalStream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    SignalStream& operator=(SignalStream&& other) noexcept;
    /// Ends the subscription; a task that waits in next() gets IoError(ECANCELED).
    ~SignalStream();

    /// The next signal, in the order in which they came (those that the loop finds together: by
    /// number). Several tasks may wait; each signal goes to one of them, in FIFO order. Cancelled,
    /// it has taken none. IoError(EBADF) for a stream that was moved from.
    COIR_SUSPENDS int next();
    /// One that has come already; never suspends.
    std::optional<int> try_next();

private:
    detail::SignalStreamState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
