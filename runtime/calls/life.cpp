// SPDX-License-Identifier: BSL-1.0
// close, dup2, dup3, close_range, closefrom: what ends descriptors, in tasks and outside.
//
// Whoever waits for one of them on this loop is woken with EBADF. Linux would leave a blocked thread
// there, which then waits for what nobody can close any more; and here the number could be another
// descriptor's by the time that it is looked at again.
#include "in_task.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace coir::inline v0::detail::calls {

int descriptor_table_size(Sys& sys) noexcept {
    const long file = sys(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return -1;
    char text[1024];
    const long size = sys.read(static_cast<int>(file), text, sizeof text - 1);
    sys.close(static_cast<int>(file));
    if (size <= 0) return -1;
    text[size] = '\0';
    const char* line = std::strstr(text, "FDSize:");
    return line ? std::atoi(line + 7) : -1;
}

namespace {

// No table is larger, whatever the limits say.
constexpr unsigned most_descriptors = 1u << 20;

void closing_range(Scheduler& loop, unsigned first, unsigned last) noexcept {
    const int table = descriptor_table_size(hooks::sys(loop));
    const unsigned end = table > 0 ? static_cast<unsigned>(table) : most_descriptors;
    for (unsigned fd = first; fd <= last && fd < end; ++fd) {
        hooks::closing(loop, static_cast<int>(fd));
    }
}

// `target` is about to mean what `fd` does, unless the call will fail.
void replacing(Scheduler& loop, int fd, int target) noexcept {
    if (target < 0 || fd == target) return;
    if (hooks::sys(loop).fcntl(fd, F_GETFD) < 0) return;
    hooks::closing(loop, target);
}

}  // namespace

namespace in_task {

int close(Scheduler& loop, int fd) {
    if (fd >= 0) hooks::closing(loop, fd);
    return direct::close(hooks::sys(loop), fd);
}

int mq_close(Scheduler& loop, mqd_t queue) { return in_task::close(loop, queue); }

int dup2(Scheduler& loop, int fd, int target) {
    replacing(loop, fd, target);
    Sys& sys = hooks::sys(loop);
    // dup3() refuses what dup2() leaves as it is.
    if (fd == target) {
        const long error = sys.fcntl(fd, F_GETFD);
        return error < 0 ? fail(static_cast<int>(-error)) : fd;
    }
    return direct::number(sys, SYS_dup3, fd, target, 0);
}

int dup3(Scheduler& loop, int fd, int target, int flags) {
    if ((flags & ~O_CLOEXEC) == 0) replacing(loop, fd, target);
    return direct::number(hooks::sys(loop), SYS_dup3, fd, target, flags);
}

int close_range(Scheduler& loop, unsigned first, unsigned last, int flags) {
    if ((static_cast<unsigned>(flags) & CLOSE_RANGE_CLOEXEC) == 0 && first <= last) {
        closing_range(loop, first, last);
    }
    return direct::number(hooks::sys(loop), SYS_close_range, first, last, flags);
}

// libc's own falls back to /proc on kernels without close_range().
void closefrom(Scheduler& loop, int first) {
    Sys& sys = hooks::sys(loop);
    const unsigned from = static_cast<unsigned>(std::max(first, 0));
    closing_range(loop, from, ~0u);
    if (sys(SYS_close_range, from, ~0u, 0u) >= 0) return;
    const int table = descriptor_table_size(sys);
    const unsigned end = table > 0 ? static_cast<unsigned>(table) : most_descriptors;
    for (unsigned fd = from; fd < end; ++fd) sys.close(static_cast<int>(fd));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
