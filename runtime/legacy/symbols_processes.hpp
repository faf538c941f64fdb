// SPDX-License-Identifier: BSL-1.0
// Child processes and signals. See symbols.hpp.
#pragma once

// clang-format off
#define COIR_LEGACY_CHILD_SYMBOLS(X) \
    X(wait, proc, -1, pid_t, (int* status), (status)) \
    X(waitpid, proc, -1, pid_t, (pid_t pid, int* status, int options), (pid, status, options)) \
    X(wait3, proc, -1, pid_t, (int* status, int options, rusage* usage), (status, options, usage)) \
    X(wait4, proc, SYS_wait4, pid_t, (pid_t pid, int* status, int options, rusage* usage), (pid, status, options, usage)) \
    X(waitid, proc, -1, int, (idtype_t which, id_t id, siginfo_t* info, int options), (which, id, info, options)) \
    X(system, proc, -1, int, (const char* command), (command)) \
    X(popen, proc, -1, FILE*, (const char* command, const char* mode), (command, mode))

#define COIR_LEGACY_SIGNAL_SYMBOLS(X) \
    X(pause, proc, -1, int, (), ()) \
    X(sigsuspend, proc, -1, int, (const sigset_t* mask), (mask)) \
    X(sigwait, proc, -1, int, (const sigset_t* set, int* signo), (set, signo)) \
    X(sigwaitinfo, proc, -1, int, (const sigset_t* set, siginfo_t* info), (set, info)) \
    X(sigtimedwait, proc, -1, int, (const sigset_t* set, siginfo_t* info, const timespec* timeout), (set, info, timeout))

#define COIR_LEGACY_PROCESS_SYMBOLS(X) \
    COIR_LEGACY_CHILD_SYMBOLS(X)       \
    COIR_LEGACY_SIGNAL_SYMBOLS(X)
// clang-format on
