// SPDX-License-Identifier: BSL-1.0
// system, popen in a task.
//
// As in libc, SIGINT and SIGQUIT are ignored by the process while a command of system() runs, and
// SIGCHLD is blocked in the thread, so that a handler of the program's cannot take the status away;
// the command itself gets the program's own settings.
//
// What popen() returns is a file that suspends tasks (cookie_file.hpp), and pclose() needs no wrapper:
// closing the file waits for the command. This end of its pipe is always close-on-exec, so that no
// other child keeps it open.
#include "cookie_file.hpp"
#include "real.hpp"

#include "../calls/held_signals.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <sched.h>
#include <spawn.h>

extern char** environ;

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace {

constexpr int interrupts[] = {SIGINT, SIGQUIT};

// How many commands run, over all loops, and what the first one has found.
struct Ignoring {
    std::atomic_flag busy;
    int users = 0;
    struct sigaction before[2] = {};

    void lock() noexcept {
        while (busy.test_and_set(std::memory_order_acquire)) {
            coir::detail::real_sys()(SYS_sched_yield);
        }
    }
    void unlock() noexcept { busy.clear(std::memory_order_release); }
    void begin() noexcept {
        lock();
        if (users++ == 0) {
            struct sigaction ignore {};
            ignore.sa_handler = SIG_IGN;
            for (int i = 0; i < 2; ++i) ::sigaction(interrupts[i], &ignore, &before[i]);
        }
        unlock();
    }
    void end() noexcept {
        lock();
        if (--users == 0) {
            for (int i = 0; i < 2; ++i) ::sigaction(interrupts[i], &before[i], nullptr);
        }
        unlock();
    }
};
constinit Ignoring ignoring;

sigset_t only(int signo) noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signo);
    return set;
}

// From its making to its end, one command of system().
class Command {
public:
    explicit Command(Sys& sys) noexcept : mask(HeldSignals::mask_of_program(sys)), held_(sys, only(SIGCHLD)) {
        ignoring.begin();
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command() { ignoring.end(); }

    const sigset_t mask;  ///< the command's

private:
    HeldSignals held_;
};

// 0 or the error number.
int spawn_shell(const char* command, const posix_spawn_file_actions_t* files,
                const posix_spawnattr_t* attributes, pid_t& pid) noexcept {
    char name[] = "sh";
    char option[] = "-c";
    char* const arguments[] = {name, option, const_cast<char*>(command), nullptr};
    return ::posix_spawn(&pid, "/bin/sh", files, attributes, arguments, environ);
}

int start(const Command& command, const char* text, pid_t& pid) noexcept {
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t restored;
    ::sigemptyset(&restored);
    for (int i = 0; i < 2; ++i) {
        if (ignoring.before[i].sa_handler != SIG_IGN) ::sigaddset(&restored, interrupts[i]);
    }
    ::posix_spawnattr_setsigmask(&attributes, &command.mask);
    ::posix_spawnattr_setsigdefault(&attributes, &restored);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    const int error = spawn_shell(text, nullptr, &attributes, pid);
    ::posix_spawnattr_destroy(&attributes);
    return error;
}

// The end of a command whose task is cancelled: as in a thread that is cancelled, it is killed.
void kill_and_reap(Sys& sys, pid_t pid) noexcept {
    sys(SYS_kill, pid, SIGKILL);
    while (sys(SYS_wait4, pid, nullptr, 0, nullptr) == -EINTR) {
    }
}

// "r" or "w", and "e" in any order.
bool read_mode(const char* mode, bool& reads) noexcept {
    bool readable = false;
    bool writable = false;
    for (; *mode != '\0'; ++mode) {
        if (*mode == 'r') {
            readable = true;
        } else if (*mode == 'w') {
            writable = true;
        } else if (*mode != 'e') {
            return false;
        }
    }
    reads = readable;
    return readable != writable;
}

}  // namespace

namespace in_task {

int system(Scheduler& loop, const char* text) {
    if (!text) return in_task::system(loop, "exit 0") == 0;
    if (hooks::cancel_asked(loop)) return fail(ECANCELED);
    Sys& sys = hooks::sys(loop);
    const Command command(sys);
    pid_t pid = -1;
    if (const int error = start(command, text, pid)) {
        errno = error;
        return 127 << 8;  // as if the shell had said so
    }
    int status = -1;
    pid_t waited;
    do {
        waited = in_task::waitpid(loop, pid, &status, 0);
    } while (waited < 0 && errno == EINTR);
    if (waited == pid) return status;
    if (errno == ECANCELED) {
        kill_and_reap(sys, pid);
        errno = ECANCELED;
    }
    return -1;
}

FILE* popen(Scheduler& loop, const char* command, const char* mode) {
    bool reads = false;
    if (!read_mode(mode, reads)) {
        errno = EINVAL;
        return nullptr;
    }
    Sys& sys = hooks::sys(loop);
    int ends[2];
    if (const long error = sys(SYS_pipe2, ends, O_CLOEXEC); error < 0) {
        errno = static_cast<int>(-error);
        return nullptr;
    }
    const int mine = reads ? ends[0] : ends[1];
    const int its = reads ? ends[1] : ends[0];
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    pid_t pid = -1;
    int error = ::posix_spawn_file_actions_adddup2(&files, its, reads ? 1 : 0);
    if (error == 0) error = spawn_shell(command, &files, nullptr, pid);
    ::posix_spawn_file_actions_destroy(&files);
    sys.close(its);
    FILE* file = error == 0 ? coir_legacy::make_cookie_file(mine, reads ? "r" : "w", pid) : nullptr;
    if (file) return file;
    if (error == 0) {
        error = errno;
        kill_and_reap(sys, pid);
    }
    sys.close(mine);
    errno = error;
    return nullptr;
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
