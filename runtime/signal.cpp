// SPDX-License-Identifier: BSL-1.0
// SignalStream and wait_signal. See signal.hpp; signal_table.hpp for how signals arrive.
#include <coir/signal.hpp>

#include "loop_object.hpp"
#include "loop_signals.hpp"

#include <coir/error.hpp>

#include <cerrno>
#include <cstddef>

namespace coir {
inline namespace v0 {
namespace detail {

class SignalStreamState final : public LoopObject, public SignalSubscription {
public:
    SignalStreamState(Scheduler& scheduler, std::uint64_t set) : LoopObject(scheduler) {
        signals = set;
        arrived = [](SignalSubscription& self, int signo, std::uint32_t times) noexcept {
            static_cast<SignalStreamState&>(self).take(signo, times);
        };
        scheduler.signals().add(*this);
    }

    int next() {
        TaskBase& self = require_task("SignalStream::next");
        if (&self.scheduler() != &scheduler()) {
            throw WrongThreadError("coir: SignalStream::next of another loop's stream");
        }
        self.check_cancelled();
        if (const int signo = pop(); signo != 0) {
            scheduler().spend_credit();
            return signo;
        }
        const auto keep = LoopPtr<SignalStreamState>::share(this);
        int signo = 0;
        WaitNode node;
        node.slot = &signo;
        waiters_.wait(node, "signal");
        if (node.outcome == WaitOutcome::closed) {
            throw IoError(ECANCELED, "SignalStream::next", -1, "the stream was closed meanwhile");
        }
        return signo;
    }
    /// 0: none.
    int pop() noexcept {
        if (queued_ == 0) return 0;
        const int signo = order_[0];
        if (--times_[signo] == 0) {
            --queued_;
            for (std::size_t i = 0; i < queued_; ++i) order_[i] = order_[i + 1];
        }
        return signo;
    }
    void end() noexcept {
        // A closed loop has taken it off its list.
        if (!scheduler().closed() && linked()) scheduler().signals().remove(*this);
        waiters_.wake_all(WaitOutcome::closed);
    }

private:
    void take(int signo, std::uint32_t times) noexcept {
        while (times > 0 && !waiters_.empty()) {
            *static_cast<int*>(waiters_.front()->slot) = signo;
            waiters_.wake_one();
            --times;
        }
        if (times == 0) return;
        if (times_[signo] == 0) order_[queued_++] = static_cast<std::uint8_t>(signo);
        times_[signo] = signo >= first_realtime_signal ? times_[signo] + times : 1;
    }

    // Each signal stands in the queue at most once, with a count.
    std::uint8_t order_[last_signal] = {};
    std::size_t queued_ = 0;
    std::uint32_t times_[last_signal + 1] = {};
    WaitQueue waiters_;
};

namespace {

SignalStreamState* subscribe(const int* signals, std::size_t count, const char* call) {
    Scheduler& scheduler = running_scheduler(call);
    const std::uint64_t set = signal_set(signals, count);
    return LoopPtr<SignalStreamState>::make(scheduler, set).release();
}

void drop(SignalStreamState* state) noexcept {
    if (!state) return;
    drop_on_loop(*state, [](LoopObject& object) noexcept {
        static_cast<SignalStreamState&>(object).end();
        object.drop_ref();
    });
}

int wait_for(const int* signals, std::size_t count) {
    enter_suspension_point("wait_signal");
    struct Subscription {
        SignalStreamState* state;
        ~Subscription() { drop(state); }
    } subscription{subscribe(signals, count, "wait_signal")};
    return subscription.state->next();
}

}  // namespace
}  // namespace detail

int wait_signal(std::initializer_list<int> signals) {
    return detail::wait_for(signals.begin(), signals.size());
}
int wait_signal(const std::vector<int>& signals) {
    return detail::wait_for(signals.data(), signals.size());
}

SignalStream::SignalStream(std::initializer_list<int> signals)
    : state_(detail::subscribe(signals.begin(), signals.size(), "SignalStream")) {}
SignalStream::SignalStream(const std::vector<int>& signals)
    : state_(detail::subscribe(signals.data(), signals.size(), "SignalStream")) {}

SignalStream& SignalStream::operator=(SignalStream&& other) noexcept {
    if (this != &other) detail::drop(std::exchange(state_, std::exchange(other.state_, nullptr)));
    return *this;
}

SignalStream::~SignalStream() { detail::drop(state_); }

int SignalStream::next() {
    if (!state_) throw IoError(EBADF, "SignalStream::next");
    return state_->next();
}

std::optional<int> SignalStream::try_next() {
    if (!state_) throw IoError(EBADF, "SignalStream::try_next");
    state_->scheduler().require_thread("SignalStream::try_next");
    const int signo = state_->pop();
    return signo != 0 ? std::optional<int>(signo) : std::nullopt;
}

}  // namespace v0
}  // namespace coir
