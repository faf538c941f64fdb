// SPDX-License-Identifier: BSL-1.0
#include "syscall_tracer.hpp"

#include "support/system.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <new>
#include <set>
#include <string>

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_tool {
namespace {

bool seize(pid_t tid) {
    constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;
    if (::ptrace(PTRACE_SEIZE, tid, nullptr, options) != 0) return false;
    ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    return true;
}

std::set<pid_t> threads_of(pid_t pid) {
    std::set<pid_t> tids;
    std::error_code error;
    const std::string folder = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = task.path().filename();
        pid_t tid = 0;
        std::from_chars(name.data(), name.data() + name.size(), tid);
        tids.insert(tid);
    }
    return tids;
}

}  // namespace

SharedPhase::SharedPhase() {
    void* const memory = ::mmap(nullptr, sizeof(TracingPhase), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) coir_bench::throw_errno("mmap");
    phase_ = new (memory) TracingPhase();
}

SharedPhase::~SharedPhase() { ::munmap(phase_, sizeof(TracingPhase)); }

SyscallTracer::~SyscallTracer() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
}

void SyscallTracer::start(pid_t pid) {
    thread_ = std::thread([this, pid] {
        while (!phase_.wanted) {
            if (over_) return;
            ::usleep(1000);
        }
        if (seize_threads(pid)) {
            phase_.traced = true;
            follow();
        } else {
            phase_.refused = true;
        }
    });
}

// Those of a traced thread are traced from their beginning. The kernel's own for io_uring cannot be.
bool SyscallTracer::seize_threads(pid_t pid) {
    if (!seize(pid)) return false;
    std::set<pid_t> known = {pid};
    for (bool any_new = true; any_new;) {
        any_new = false;
        for (const pid_t tid : threads_of(pid)) {
            if (!known.insert(tid).second) continue;
            any_new = true;
            seize(tid);
        }
    }
    return true;
}

void SyscallTracer::follow() {
    for (;;) {
        int status = 0;
        // Not the children that other threads of this process wait for.
        const pid_t tid = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
        if (tid < 0 && errno == EINTR) continue;
        if (tid < 0) return;  // the last one is gone
        ++phase_.events;
        if (!WIFSTOPPED(status)) continue;
        constexpr int at_syscall = SIGTRAP | 0x80;
        const int signo = WSTOPSIG(status);
        const bool event = (status >> 16) != 0;
        if (signo == at_syscall && phase_.counting) ++phase_.stops;
        const long passed_on = signo == at_syscall || event ? 0 : signo;
        ::ptrace(PTRACE_SYSCALL, tid, nullptr, passed_on);
    }
}

}  // namespace coir_tool
