// SPDX-License-Identifier: BSL-1.0
// Runner: main tasks one after another, SIGINT and SIGTERM, an orderly end.
#include <coir/run.hpp>

#include "scheduler.hpp"

#include <coir/error.hpp>

#include <atomic>
#include <csignal>
#include <utility>

#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace {

// The loop whose main task signals cancel: one per process, the main thread's.
std::atomic<detail::Scheduler*> signal_target{nullptr};
std::atomic<int> signals_seen{0};

void on_signal(int signo) {
    detail::Scheduler* target = signal_target.load(std::memory_order_acquire);
    if (!target || signals_seen.fetch_add(1, std::memory_order_acq_rel) > 0) {
        // The second one means it: the default action.
        std::signal(signo, SIG_DFL);
        std::raise(signo);
        return;
    }
    target->interrupt(signo);
}

// Hooks the two signals for the time of one run: in the main thread only, and only where nobody
// else has hooked them.
class SignalScope {
public:
    explicit SignalScope(detail::Scheduler& scheduler) {
        if (::getpid() != ::gettid()) return;
        detail::Scheduler* none = nullptr;
        if (!signal_target.compare_exchange_strong(none, &scheduler)) return;
        owns_ = true;
        signals_seen.store(0, std::memory_order_release);
        hook(SIGINT, hooked_[0]);
        hook(SIGTERM, hooked_[1]);
    }
    SignalScope(const SignalScope&) = delete;
    SignalScope& operator=(const SignalScope&) = delete;
    ~SignalScope() {
        if (!owns_) return;
        unhook(SIGINT, hooked_[0]);
        unhook(SIGTERM, hooked_[1]);
        signal_target.store(nullptr, std::memory_order_release);
    }

private:
    static void hook(int signo, bool& hooked) {
        struct sigaction current {};
        ::sigaction(signo, nullptr, &current);
        if ((current.sa_flags & SA_SIGINFO) != 0 || current.sa_handler != SIG_DFL) return;
        struct sigaction action {};
        action.sa_handler = &on_signal;
        action.sa_flags = SA_ONSTACK | SA_RESTART;
        ::sigemptyset(&action.sa_mask);
        hooked = ::sigaction(signo, &action, nullptr) == 0;
    }
    static void unhook(int signo, bool hooked) {
        if (!hooked) return;
        struct sigaction current {};
        ::sigaction(signo, nullptr, &current);
        if (current.sa_handler != &on_signal) return;  // somebody has hooked it meanwhile
        std::signal(signo, SIG_DFL);
    }

    bool owns_ = false;
    bool hooked_[2] = {false, false};
};

}  // namespace

Runner::Runner(RunOptions options) : options_(std::move(options)) {}

Runner::~Runner() {
    try {
        close();
    } catch (const std::exception& error) {
        detail::log(LogLevel::error, std::string("coir: closing a runner failed: ") + error.what());
    }
}

EventLoop& Runner::loop() {
    if (closed_) throw std::logic_error("coir: the runner is closed");
    if (!loop_) loop_ = std::make_unique<EventLoop>(options_);
    return *loop_;
}

EventLoop& Runner::prepare() {
    if (try_get_running_loop()) {
        throw std::logic_error("coir: run() inside a running loop; call the function directly, or "
                               "create a task");
    }
    return loop();
}

void Runner::run_main(const TaskRef& main) {
    detail::Scheduler& scheduler = loop_->scheduler();
    detail::TaskBase& task = main.state();
    scheduler.clear_interrupt();
    scheduler.set_main_task(&task);
    struct Reset {
        detail::Scheduler& scheduler;
        ~Reset() { scheduler.set_main_task(nullptr); }
    } reset{scheduler};
    {
        SignalScope signals(scheduler);
        scheduler.run_until_done(task);
    }
    // Cancelled by the signal and by nobody else.
    if (scheduler.interrupted_by() != 0 && task.outcome() == detail::Outcome::cancelled &&
        task.cancelling() == 1) {
        throw Interrupted(scheduler.interrupted_by());
    }
}

void Runner::close() {
    if (closed_) return;
    if (loop_) loop_->close();
    closed_ = true;
}

}  // namespace v0
}  // namespace coir
