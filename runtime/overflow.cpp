// SPDX-License-Identifier: BSL-1.0
// See overflow.hpp. The handler runs on a signal stack, because the task's own is used up.
#include "overflow.hpp"
#include <coir/detail/own_sigaction.hpp>

#include "stack.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/sys.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>

#include <dlfcn.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

struct sigaction previous_action;

// Builds one line without allocating, for one write(2).
class Line {
public:
    Line& text(const char* words) noexcept {
        while (*words && size_ < sizeof buffer_) buffer_[size_++] = *words++;
        return *this;
    }
    Line& number(std::uint64_t value, unsigned base = 10) noexcept {
        char digits[24];
        int count = 0;
        do {
            digits[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0 && size_ < sizeof buffer_) buffer_[size_++] = digits[--count];
        return *this;
    }
    void write() noexcept {
        real_sys().write(STDERR_FILENO, buffer_, size_);
    }

private:
    char buffer_[512];
    std::size_t size_ = 0;
};

void report(const GuardHit& hit, const void* address) noexcept {
    Line line;
    line.text("coir: stack overflow in task '");
    if (hit.task) {
        line.text(hit.task->raw_name());
        line.text("' (").number(hit.task->id()).text(")");
    } else {
        line.text("?'");
    }
    line.text(": its stack of ").number(hit.stack_size).text(" bytes is used up (address 0x");
    line.number(reinterpret_cast<std::uintptr_t>(address), 16).text(")");
    if (hit.task) {
        const void* site = hit.task->spawn_site();
        line.text("; created at 0x").number(reinterpret_cast<std::uintptr_t>(site), 16);
        Dl_info info{};
        if (::dladdr(site, &info) != 0) {
            if (info.dli_sname) line.text(" in ").text(info.dli_sname);
            if (info.dli_fname) line.text(" of ").text(info.dli_fname);
        }
    }
    line.text("; give it more with TaskOptions::stack_size or RunOptions::stack_size\n").write();
}

// Set while this thread is in the handler: a handler that was installed over ours, and now under it
// too, may call us back.
[[gnu::tls_model("initial-exec")]] constinit thread_local bool handling = false;

void on_segv(int signo, siginfo_t* info, void* context) {
    const int saved_errno = errno;
    if (handling) {
        give_up_signal(SIGSEGV);
        return;
    }
    handling = true;
    const GuardHit hit = find_guard(info->si_addr);
    if (hit.found) {
        report(hit, info->si_addr);
        // Returning repeats the access, now with the default action: a core dump shows the place.
        give_up_signal(SIGSEGV);
    } else if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(signo, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(signo);
    } else {
        give_up_signal(SIGSEGV);
    }
    handling = false;
    errno = saved_errno;
}

// Puts the handler in front, unless it is there already.
[[maybe_unused]] void install_handler() {
    struct sigaction current {};
    own_sigaction(SIGSEGV, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == &on_segv) return;
    struct sigaction action {};
    action.sa_sigaction = &on_segv;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    own_sigaction(SIGSEGV, &action, &previous_action);
}

// The signal stack of a thread; taken down when the thread ends.
class SignalStack {
public:
    SignalStack() {
        stack_t current{};
        ::sigaltstack(nullptr, &current);
        if ((current.ss_flags & SS_DISABLE) == 0) return;  // the program has its own
        const std::size_t size = ::getauxval(AT_MINSIGSTKSZ) + 64 * 1024;
        memory_ = std::make_unique<char[]>(size);
        stack_t mine{};
        mine.ss_sp = memory_.get();
        mine.ss_size = size;
        ::sigaltstack(&mine, nullptr);
    }
    SignalStack(const SignalStack&) = delete;
    SignalStack& operator=(const SignalStack&) = delete;
    ~SignalStack() {
        if (!memory_) return;
        stack_t current{};
        ::sigaltstack(nullptr, &current);
        if (current.ss_sp != memory_.get()) return;
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }

private:
    std::unique_ptr<char[]> memory_;
};

}  // namespace

void prepare_overflow_reports() {
#if !COIR_ASAN && !COIR_TSAN  // the sanitizers report overflows themselves
    static constinit FutexLock installing;
    {
        std::lock_guard lock(installing);
        install_handler();
    }
    static thread_local SignalStack signal_stack;
    static_cast<void>(signal_stack);
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
