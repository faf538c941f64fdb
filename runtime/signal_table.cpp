// SPDX-License-Identifier: BSL-1.0
// See signal_table.hpp.
#include "signal_table.hpp"
#include <coir/detail/own_sigaction.hpp>

#include <coir/detail/futex_lock.hpp>
#include "scheduler.hpp"

#include <cerrno>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {

// What the handler reads.
struct SinkList {
    std::atomic<SignalSink*> first{nullptr};
    std::atomic<int> walkers{0};
    // The loop whose main task SIGINT and SIGTERM cancel: one per process, the main thread's.
    std::atomic<Scheduler*> interrupt_target{nullptr};
    std::atomic<int> interrupts_seen{0};

    static std::atomic<SignalSink*>& next(SignalSink& sink) noexcept { return sink.next_; }
    void wait_for_walkers() noexcept {
        while (walkers.load() != 0) real_sys()(SYS_sched_yield);
    }
};

namespace {

struct Hook {
    int users = 0;
    struct sigaction before {};
};

constinit SinkList sinks;
constinit FutexLock table_lock;  // guards the hooks and changes of the list
constinit Hook hooks[last_signal + 1];

constexpr int interrupting[] = {SIGINT, SIGTERM};

bool interrupt_main(int signo) noexcept {
    Scheduler* target = sinks.interrupt_target.load();
    if (!target || sinks.interrupts_seen.fetch_add(1) > 0) return false;
    target->interrupt(signo);
    return true;
}

void on_signal(int signo) noexcept {
    const int error_before = errno;
    bool taken = false;
    sinks.walkers.fetch_add(1);
    for (SignalSink* sink = sinks.first.load(); sink; sink = SinkList::next(*sink).load()) {
        if (sink->take(signo)) taken = true;
    }
    const bool interrupts = !taken && (signo == SIGINT || signo == SIGTERM) &&
                            sinks.interrupt_target.load() != nullptr;
    if (interrupts) taken = interrupt_main(signo);
    sinks.walkers.fetch_sub(1);
    if (interrupts && !taken) {
        // The second one means it.
        give_up_signal(signo);
        std::raise(signo);
    }
    // A signal that nobody took came as its last subscriber left.
    errno = error_before;
}

bool is_ours(const struct sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &on_signal;
}

// Under the lock. False: this signal cannot be handled.
bool install(int signo) noexcept {
    struct sigaction current {};
    if (own_sigaction(signo, nullptr, &current) != 0) return false;
    if (!is_ours(current)) {
        struct sigaction action {};
        action.sa_handler = &on_signal;
        action.sa_flags = SA_ONSTACK | SA_RESTART;
        ::sigfillset(&action.sa_mask);
        if (own_sigaction(signo, &action, nullptr) != 0) return false;
        hooks[signo].before = current;
    }
    ++hooks[signo].users;
    return true;
}

// Under the lock.
void restore(int signo) noexcept {
    struct sigaction current {};
    own_sigaction(signo, nullptr, &current);
    if (is_ours(current)) own_sigaction(signo, &hooks[signo].before, nullptr);
}

// Whether nobody but coir has anything to do with this signal.
bool is_default(int signo) noexcept {
    struct sigaction current {};
    own_sigaction(signo, nullptr, &current);
    const struct sigaction& action = is_ours(current) ? hooks[signo].before : current;
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

}  // namespace

bool SignalSink::take(int signo) noexcept {
    if ((wanted_.load() & signal_bit(signo)) == 0) return false;
    if (signo >= first_realtime_signal) times_[signo - first_realtime_signal].fetch_add(1);
    pending_.fetch_or(signal_bit(signo));
    scheduler_.signal_arrived();
    return true;
}

std::uint32_t SignalSink::collect_times(int signo) noexcept {
    if (signo < first_realtime_signal) return 1;
    return times_[signo - first_realtime_signal].exchange(0);
}

void attach_sink(SignalSink& sink) noexcept {
    std::lock_guard lock(table_lock);
    SinkList::next(sink).store(sinks.first.load());
    sinks.first.store(&sink);
}

void detach_sink(SignalSink& sink) noexcept {
    std::lock_guard lock(table_lock);
    std::atomic<SignalSink*>* link = &sinks.first;
    while (SignalSink* at = link->load()) {
        if (at == &sink) {
            link->store(SinkList::next(sink).load());
            break;
        }
        link = &SinkList::next(*at);
    }
    sinks.wait_for_walkers();
}

void check_signal(int signo) {
    if (signo < 1 || signo > last_signal) {
        throw std::invalid_argument("coir: there is no signal " + std::to_string(signo) +
                                    "; signals are 1 to " + std::to_string(last_signal));
    }
    switch (signo) {
        case SIGKILL:
        case SIGSTOP:
            throw std::runtime_error("coir: signal " + std::to_string(signo) +
                                     " (SIGKILL or SIGSTOP) cannot be handled");
        case SIGSEGV:
        case SIGBUS:
        case SIGFPE:
        case SIGILL:
            throw std::runtime_error(
                "coir: signal " + std::to_string(signo) +
                " comes from an instruction that failed, and would come again at once when a loop "
                "were to handle it");
        default:
            break;
    }
}

void hook_signal(int signo) {
    check_signal(signo);
    std::lock_guard lock(table_lock);
    if (!install(signo)) {
        throw std::invalid_argument("coir: signal " + std::to_string(signo) +
                                    " is kept by the C library for itself");
    }
}

void unhook_signal(int signo) noexcept {
    std::lock_guard lock(table_lock);
    // None: a forked child has forgotten them.
    if (hooks[signo].users > 0 && --hooks[signo].users == 0) restore(signo);
}

InterruptScope::InterruptScope(Scheduler& scheduler) {
    if (::getpid() != ::gettid()) return;
    Scheduler* none = nullptr;
    if (!sinks.interrupt_target.compare_exchange_strong(none, &scheduler)) return;
    owns_ = true;
    sinks.interrupts_seen.store(0);
    std::lock_guard lock(table_lock);
    for (int i = 0; i < 2; ++i) hooked_[i] = is_default(interrupting[i]) && install(interrupting[i]);
}

InterruptScope::~InterruptScope() {
    if (!owns_) return;
    for (int i = 0; i < 2; ++i) {
        if (hooked_[i]) unhook_signal(interrupting[i]);
    }
    sinks.interrupt_target.store(nullptr);
    sinks.wait_for_walkers();
}

void lock_signals() noexcept { table_lock.lock(); }
void unlock_signals() noexcept { table_lock.unlock(); }

void forget_signals_in_child() noexcept {
    for (int signo = 1; signo <= last_signal; ++signo) {
        if (hooks[signo].users == 0) continue;
        restore(signo);
        hooks[signo].users = 0;
    }
    sinks.first.store(nullptr);
    sinks.walkers.store(0);
    sinks.interrupt_target.store(nullptr);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
