// SPDX-License-Identifier: BSL-1.0
// See cookie_file.hpp.
//
// libc holds the lock of the file while it calls back, and the lock is the thread's: two tasks of one
// thread must not use one file at once, where two threads may.
#include "cookie_file.hpp"

#include "own_exports.hpp"
#include "symbol_types.hpp"

#include <coir/task.hpp>

#include <cerrno>
#include <new>

namespace coir_legacy {
namespace {

struct Cookie {
    int fd;
    pid_t child;
};

ssize_t read_cookie(void* cookie, char* buffer, size_t size) {
    return coir_legacy_read(static_cast<Cookie*>(cookie)->fd, buffer, size);
}

// 0 stands for an error here.
ssize_t write_cookie(void* cookie, const char* data, size_t size) {
    const ssize_t written = coir_legacy_write(static_cast<Cookie*>(cookie)->fd, data, size);
    return written < 0 ? 0 : written;
}

int seek_cookie(void* cookie, off64_t* offset, int whence) {
    const off64_t at = ::lseek64(static_cast<Cookie*>(cookie)->fd, *offset, whence);
    if (at < 0) return -1;
    *offset = at;
    return 0;
}

// Nobody knows the process any more when a cancelled task closes its file.
void leave_to_the_loop(pid_t child) noexcept {
    try {
        coir::spawn_detached([child] {
            while (coir_legacy_waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
            }
        });
    } catch (...) {
        // Then it stays a zombie.
    }
}

int wait_for(pid_t child) {
    int status = 0;
    pid_t waited;
    do {
        waited = coir_legacy_waitpid(child, &status, 0);
    } while (waited < 0 && errno == EINTR);
    if (waited == child) return status;
    if (errno == ECANCELED) {
        leave_to_the_loop(child);
        errno = ECANCELED;
    }
    return -1;
}

int close_cookie(void* opaque) {
    const Cookie cookie = *static_cast<Cookie*>(opaque);
    delete static_cast<Cookie*>(opaque);
    const int closed = coir_legacy_close(cookie.fd);
    if (cookie.child < 0 || closed < 0) return closed;
    return wait_for(cookie.child);
}

}  // namespace

FILE* make_cookie_file(int fd, const char* mode, pid_t child) noexcept {
    auto* cookie = new (std::nothrow) Cookie{fd, child};
    if (!cookie) {
        errno = ENOMEM;
        return nullptr;
    }
    FILE* file = ::fopencookie(cookie, mode, {read_cookie, write_cookie, seek_cookie, close_cookie});
    if (!file) {
        delete cookie;
        return nullptr;
    }
    file->_fileno = fd;
    return file;
}

}  // namespace coir_legacy
