// SPDX-License-Identifier: BSL-1.0
// fdopen, fopen in a task, with `stdio` in COIR_LEGACY: streams of what can be waited for suspend the
// task (cookie_file.hpp). Those of regular files are libc's own.
#include "cookie_file.hpp"
#include "real.hpp"

#include "../calls/in_task.hpp"

#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace {

// What open() is to be told by a mode; -1: it is none.
int flags_of(const char* mode) noexcept {
    int flags;
    switch (*mode) {
        case 'r': flags = O_RDONLY; break;
        case 'w': flags = O_WRONLY | O_CREAT | O_TRUNC; break;
        case 'a': flags = O_WRONLY | O_CREAT | O_APPEND; break;
        default: return -1;
    }
    for (const char* letter = mode + 1; *letter && *letter != ','; ++letter) {
        if (*letter == '+') flags = (flags & ~O_ACCMODE) | O_RDWR;
        if (*letter == 'e') flags |= O_CLOEXEC;
        if (*letter == 'x') flags |= O_EXCL;
    }
    return flags;
}

bool can_be_waited_for(const struct stat& info) noexcept {
    return S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || S_ISCHR(info.st_mode);
}

// As fdopen() of libc compares the mode with the descriptor's own.
bool allows(int descriptor_flags, int wanted) noexcept {
    const int mode = descriptor_flags & O_ACCMODE;
    return mode == O_RDWR || mode == (wanted & O_ACCMODE);
}

// Wide characters: libc's own code for them wants a file of its own.
bool names_a_charset(const char* mode) noexcept { return std::strchr(mode, ',') != nullptr; }

FILE* open_stream(Scheduler& loop, const char* path, const char* mode, int flags) noexcept {
    const int fd = in_task::open(loop, path, flags, 0666);
    if (fd < 0) return nullptr;
    FILE* file = coir_legacy::make_cookie_file(fd, mode, -1);
    if (!file) {
        const int error = errno;
        hooks::sys(loop).close(fd);
        errno = error;
    }
    return file;
}

}  // namespace

namespace in_task {

FILE* fdopen(Scheduler& loop, int fd, const char* mode) {
    Sys& sys = hooks::sys(loop);
    const int wanted = flags_of(mode);
    struct stat info;
    const long flags = sys.fcntl(fd, F_GETFL);
    const bool plain = wanted < 0 || flags < 0 || names_a_charset(mode) ||
                       sys(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH) < 0 ||
                       !can_be_waited_for(info) || !allows(static_cast<int>(flags), wanted);
    if (plain) return real::fdopen(fd, mode);  // it says what is wrong
    if ((wanted & O_APPEND) != 0 && (flags & O_APPEND) == 0) sys.fcntl(fd, F_SETFL, flags | O_APPEND);
    return coir_legacy::make_cookie_file(fd, mode, -1);
}

FILE* fopen(Scheduler& loop, const char* path, const char* mode) {
    const int wanted = flags_of(mode);
    struct stat info;
    const bool plain = wanted < 0 || names_a_charset(mode) ||
                       hooks::sys(loop)(SYS_newfstatat, AT_FDCWD, path, &info, 0) < 0 ||
                       !can_be_waited_for(info);
    return plain ? real::fopen(path, mode) : open_stream(loop, path, mode, wanted);
}

FILE* fopen64(Scheduler& loop, const char* path, const char* mode) {
    return in_task::fopen(loop, path, mode);
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
