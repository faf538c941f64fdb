// SPDX-License-Identifier: BSL-1.0
// See loop_signals.hpp. Also the loop's own signal handlers.
#include "loop_signals.hpp"

#include "scheduler.hpp"

#include <coir/event_loop.hpp>

#include <bit>
#include <memory>
#include <stdexcept>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A handler of the loop's. It belongs to the loop's table until it is removed, and then to whoever
/// still runs it.
struct SignalHandler : SignalSubscription, ReadyEntry {
    SignalHandler(Scheduler& on, int number, std::unique_ptr<SignalCallback> call) noexcept
        : scheduler(on), signo(number), callback(std::move(call)) {
        signals = signal_bit(number);
        arrived = [](SignalSubscription& self, int, std::uint32_t times) noexcept {
            static_cast<SignalHandler&>(self).queue(times);
        };
        run = [](ReadyEntry& self) noexcept { static_cast<SignalHandler&>(self).call(); };
    }

    void queue(std::uint32_t times) noexcept {
        due = signo >= first_realtime_signal ? due + times : 1;
        if (busy) return;
        busy = true;
        scheduler.push_ready(*this);
    }
    void call() noexcept {
        while (due > 0 && !given_up && !scheduler.closed()) {
            --due;
            try {
                callback->call(signo);
            } catch (...) {
                scheduler.report_current("exception in a signal handler");
            }
        }
        busy = false;
        if (given_up) delete this;
    }
    /// It is on no list any more. What is queued does not run.
    void give_up() noexcept {
        given_up = true;
        if (!busy) delete this;
    }

    Scheduler& scheduler;
    const int signo;
    std::unique_ptr<SignalCallback> callback;
    std::uint32_t due = 0;
    bool busy = false;  // queued or running
    bool given_up = false;
};

std::uint64_t signal_set(const int* signals, std::size_t count) {
    if (count == 0) throw std::invalid_argument("coir: a list of signals must not be empty");
    std::uint64_t set = 0;
    for (std::size_t i = 0; i < count; ++i) {
        check_signal(signals[i]);
        set |= signal_bit(signals[i]);
    }
    return set;
}

void LoopSignals::add(SignalSubscription& subscription) {
    std::uint64_t hooked = 0;
    try {
        for (int signo = 1; signo <= last_signal; ++signo) {
            if ((subscription.signals & signal_bit(signo)) == 0) continue;
            if (users_[signo] == 0) hook(signo);
            ++users_[signo];
            hooked |= signal_bit(signo);
        }
    } catch (...) {
        release(hooked);
        throw;
    }
    subscriptions_.push_back(subscription);
}

void LoopSignals::hook(int signo) {
    sink_.want(signo);
    try {
        hook_signal(signo);
    } catch (...) {
        sink_.want_no_more(signo);
        throw;
    }
}

void LoopSignals::remove(SignalSubscription& subscription) noexcept {
    if (!subscription.linked()) return;
    subscription.unlink();
    release(subscription.signals);
}

// The disposition is restored first: what comes before that is still this loop's.
void LoopSignals::release(std::uint64_t signals) noexcept {
    for (int signo = 1; signo <= last_signal; ++signo) {
        if ((signals & signal_bit(signo)) == 0 || --users_[signo] != 0) continue;
        unhook_signal(signo);
        sink_.want_no_more(signo);
    }
}

void LoopSignals::deliver() noexcept {
    std::uint64_t arrived = sink_.collect();
    while (arrived != 0) {
        const int signo = std::countr_zero(arrived) + 1;
        arrived &= arrived - 1;
        const std::uint32_t times = sink_.collect_times(signo);
        if (times == 0) continue;  // counted already by an earlier look
        SignalSubscription* at = subscriptions_.front();
        for (; at; at = subscriptions_.next(*at)) {
            if ((at->signals & signal_bit(signo)) != 0) at->arrived(*at, signo, times);
        }
    }
}

void LoopSignals::close() noexcept {
    for (int signo = 1; signo <= last_signal; ++signo) remove_handler(signo);
    while (SignalSubscription* subscription = subscriptions_.front()) remove(*subscription);
    detach_sink(sink_);
}

void LoopSignals::forget() noexcept {
    while (subscriptions_.pop_front()) {
    }
    for (SignalHandler*& handler : handlers_) {
        if (handler) std::exchange(handler, nullptr)->give_up();
    }
    for (int signo = 1; signo <= last_signal; ++signo) {
        users_[signo] = 0;
        sink_.want_no_more(signo);
        sink_.collect_times(signo);
    }
    sink_.collect();
    attach_sink(sink_);
}

SignalCallback::~SignalCallback() = default;

void LoopSignals::set_handler(int signo, std::unique_ptr<SignalCallback> callback) {
    check_signal(signo);
    auto handler = std::make_unique<SignalHandler>(scheduler_, signo, std::move(callback));
    add(*handler);
    remove_handler(signo);
    handlers_[signo] = handler.release();
}

bool LoopSignals::remove_handler(int signo) noexcept {
    SignalHandler* handler = std::exchange(handlers_[signo], nullptr);
    if (!handler) return false;
    remove(*handler);
    handler->give_up();
    return true;
}

LoopSignals& Scheduler::signals() {
    if (!signals_) signals_ = std::make_unique<LoopSignals>(*this);
    return *signals_;
}

// --- What handlers tell the loop ------------------------------------------------------------------

void Scheduler::signal_arrived() noexcept {
    signalled_.store(true);
    reactor_->wake();
}

void Scheduler::interrupt(int signo) noexcept {
    interrupt_.store(signo);
    signal_arrived();
}

}  // namespace detail

void EventLoop::set_signal_handler(int signo, std::unique_ptr<detail::SignalCallback> callback) {
    open_scheduler().signals().set_handler(signo, std::move(callback));
}

bool EventLoop::remove_signal_handler(int signo) {
    if (signo < 1 || signo > detail::last_signal) detail::check_signal(signo);
    if (scheduler_->closed()) return false;
    scheduler_->require_thread("remove_signal_handler");
    return scheduler_->signals().remove_handler(signo);
}

}  // namespace v0
}  // namespace coir
