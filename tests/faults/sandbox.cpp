// SPDX-License-Identifier: BSL-1.0
// See sandbox.hpp.
#include "sandbox.hpp"

#include "attempt.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <thread>
#include <vector>

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_faults {
namespace {

constexpr int cannot_enter = 77;
constexpr int was_wrong = 1;

// --- Ways in: false when this process may not ---------------------------------------------------

bool filter(std::uint32_t verdict, std::initializer_list<long> calls) {
    std::vector<sock_filter> program;
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    for (const long call : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, verdict));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog given{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &given) == 0;
}
bool answer(int error, std::initializer_list<long> calls) {
    return filter(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error), calls);
}
bool kill_at(std::initializer_list<long> calls) { return filter(SECCOMP_RET_KILL_PROCESS, calls); }

bool become_nobody() {
    constexpr unsigned nobody = 65534;
    if (::geteuid() != 0) return true;
    return ::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
           ::setresuid(nobody, nobody, nobody) == 0;
}
bool limit(__rlimit_resource what, rlim_t value) {
    const rlimit both{value, value};
    return ::setrlimit(what, &both) == 0 && become_nobody();
}
rlim_t address_space_now() {
    unsigned long pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return pages * 4096UL;
}

// --- What must be ------------------------------------------------------------------------------

enum class Must : unsigned char {
    work,  ///< the right result
    end,   ///< that, or a typed error
};

struct Sandbox {
    const char* name;
    bool (*enter)();
    Must must;
    /// What the reactor is asked for as; null: by name.
    const char* reactor = nullptr;
};

constexpr Sandbox sandboxes[] = {
    {"nothing is denied", [] { return true; }, Must::work},
    {"io_uring_setup says EPERM", [] { return answer(EPERM, {SYS_io_uring_setup}); }, Must::work, "io_uring,epoll"},
    {"io_uring_setup says ENOSYS", [] { return answer(ENOSYS, {SYS_io_uring_setup}); }, Must::work, "io_uring,poll"},
    {"io_uring kills, epoll is asked for",
     [] { return kill_at({SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}); }, Must::work, "epoll"},
    {"io_uring kills, poll is asked for",
     [] { return kill_at({SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}); }, Must::work, "poll"},
    {"io_uring_register says ENOSYS", [] { return answer(ENOSYS, {SYS_io_uring_register}); }, Must::work,
     "io_uring,epoll"},
    {"epoll_pwait2 says ENOSYS", [] { return answer(ENOSYS, {SYS_epoll_pwait2}); }, Must::work},
    {"epoll_pwait2 says EPERM", [] { return answer(EPERM, {SYS_epoll_pwait2}); }, Must::work},
    {"pidfd_open says ENOSYS", [] { return answer(ENOSYS, {SYS_pidfd_open}); }, Must::work},
    {"pidfd_open says EPERM", [] { return answer(EPERM, {SYS_pidfd_open}); }, Must::work},
    {"pidfds and guards for many say ENOSYS",
     [] { return answer(ENOSYS, {SYS_pidfd_open, SYS_pidfd_send_signal, SYS_process_madvise}); }, Must::work},
    {"clone3 says ENOSYS", [] { return answer(ENOSYS, {SYS_clone3}); }, Must::work},
    {"clone3 says EPERM: no threads", [] { return answer(EPERM, {SYS_clone3}); }, Must::end},
    {"close_range says ENOSYS", [] { return answer(ENOSYS, {SYS_close_range}); }, Must::work},
    {"reads and writes that do not wait say ENOSYS", [] { return answer(ENOSYS, {SYS_preadv2, SYS_pwritev2}); },
     Must::work},
    {"getrandom says ENOSYS", [] { return answer(ENOSYS, {SYS_getrandom}); }, Must::work},
    {"madvise says EINVAL: guards by mprotect", [] { return answer(EINVAL, {SYS_madvise, SYS_process_madvise}); },
     Must::work},
    {"an ordinary user", &become_nobody, Must::work},
    {"no room for locked memory", [] { return limit(RLIMIT_MEMLOCK, 0); }, Must::work, "io_uring,epoll"},
    {"64 KiB of locked memory", [] { return limit(RLIMIT_MEMLOCK, 64 * 1024); }, Must::work, "io_uring,epoll"},
    {"few descriptors: 9", [] { return limit(RLIMIT_NOFILE, 9); }, Must::end},
    {"few descriptors: 12", [] { return limit(RLIMIT_NOFILE, 12); }, Must::end},
    {"few descriptors: 16", [] { return limit(RLIMIT_NOFILE, 16); }, Must::end},
    {"no other threads or processes", [] { return limit(RLIMIT_NPROC, 0); }, Must::end},
    {"4 MiB of address space more", [] { return limit(RLIMIT_AS, address_space_now() + (4u << 20)); }, Must::end},
    {"16 MiB of address space more", [] { return limit(RLIMIT_AS, address_space_now() + (16u << 20)); }, Must::end},
    {"64 MiB of address space more", [] { return limit(RLIMIT_AS, address_space_now() + (64u << 20)); }, Must::end},
    {"all memory is locked", [] { return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0; }, Must::work},
};

// In the child; its exit status.
int run_inside(const Sandbox& sandbox, const Scenario& scenario, const std::string& reactor) {
    if (!sandbox.enter()) return cannot_enter;
    for (int round = 0; round < 2; ++round) {
        const Attempt attempt = try_outside_faults(scenario, reactor, sandbox.must == Must::end);
        if (attempt.wrong.empty()) continue;
        std::printf("wrong: %s, in '%s', %s: %s\n", scenario.name, sandbox.name, reactor.c_str(),
                    attempt.wrong.c_str());
        std::fflush(stdout);
        return was_wrong;
    }
    return 0;
}

// Waits for half a minute at most.
int status_of(pid_t child) {
    using namespace std::chrono_literals;
    int status = 0;
    for (int i = 0; i < 30'000; ++i) {
        if (::waitpid(child, &status, WNOHANG) == child) return status;
        std::this_thread::sleep_for(1ms);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return status;
}

void run_sandbox(const Sandbox& sandbox, std::span<const Scenario> scenarios, const std::string& reactor,
                 SandboxResult& result) {
    for (const Scenario& scenario : scenarios) {
        std::fflush(stdout);
        const pid_t child = ::fork();
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::_Exit(run_inside(sandbox, scenario, reactor));
        }
        const int status = status_of(child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_enter) {
            std::printf("skipped: '%s': this process cannot make it\n", sandbox.name);
            ++result.skipped;
            return;
        }
        ++result.runs;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        ++result.wrong;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != was_wrong) {
            std::printf("wrong: %s, in '%s', %s: %s\n", scenario.name, sandbox.name, reactor.c_str(),
                        WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "the process exited");
        }
    }
}

}  // namespace

SandboxResult run_sandboxes(std::span<const Scenario> scenarios, const std::string& reactor) {
    SandboxResult result;
    for (const Sandbox& sandbox : sandboxes) {
        run_sandbox(sandbox, scenarios, sandbox.reactor ? sandbox.reactor : reactor, result);
    }
    return result;
}

}  // namespace coir_faults
