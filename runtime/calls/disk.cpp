// SPDX-License-Identifier: BSL-1.0
// pread, pwrite, fsync and the like in a task, and read and write on what lies on a disk.
//
// Readiness does not concern disks, and nothing but a thread can wait for one: what the page cache has
// is taken at once (RWF_NOWAIT), all else is a job of the loop's pool. That is worth its price for
// disks that are slow, and is off by default: libcoir-legacy says so (use_threads_for_files).
#include "disk.hpp"
#include "on_thread.hpp"

#include <atomic>

#include <linux/fs.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace coir::inline v0::detail::calls {
namespace {

constinit std::atomic<bool> on_threads{false};

bool threads_for_files() noexcept { return on_threads.load(std::memory_order_relaxed); }

constexpr long file_position = -1;  // at the position of the descriptor

// A system call on a thread; its result as libc's.
template <class... Args>
long in_pool(Scheduler& loop, const char* what, long number, Args... args) noexcept {
    Sys& sys = hooks::sys(loop);
    return by_errno(loop, hooks::Lane::pool, what, [&] { return to_libc(sys(number, args...)); });
}

long read_rest(Scheduler& loop, int fd, char* buffer, std::size_t size, long offset,
               const char* what) noexcept {
    if (offset == file_position) return in_pool(loop, what, SYS_read, fd, buffer, size);
    return in_pool(loop, what, SYS_pread64, fd, buffer, size, offset);
}

long read_at(Scheduler& loop, int fd, void* buffer, std::size_t size, long offset,
             const char* what) noexcept {
    iovec piece{buffer, size};
    Sys& sys = hooks::sys(loop);
    // With O_DIRECT, RWF_NOWAIT waits for the disk all the same.
    const bool direct = (sys.fcntl(fd, F_GETFL) & O_DIRECT) != 0;
    const long cached =
        direct ? -EAGAIN : sys(SYS_preadv2, fd, &piece, 1, offset, 0L, RWF_NOWAIT);
    if (cached == 0 || cached == static_cast<long>(size)) {
        did_not_suspend(loop);
        return cached;
    }
    const std::size_t got = cached > 0 ? static_cast<std::size_t>(cached) : 0;
    const long from = offset == file_position ? file_position : offset + static_cast<long>(got);
    const long rest = read_rest(loop, fd, static_cast<char*>(buffer) + got, size - got, from, what);
    if (rest < 0) return got > 0 ? static_cast<long>(got) : -1;
    return static_cast<long>(got) + rest;
}

}  // namespace

void use_threads_for_files(bool on) noexcept { on_threads.store(on, std::memory_order_relaxed); }

long read_file(Scheduler& loop, int fd, void* buffer, std::size_t size) noexcept {
    if (!threads_for_files()) return direct::read(hooks::sys(loop), fd, buffer, size);
    return read_at(loop, fd, buffer, size, file_position, "read");
}
long readv_file(Scheduler& loop, int fd, const iovec* pieces, int count) noexcept {
    if (!threads_for_files()) return direct::readv(hooks::sys(loop), fd, pieces, count);
    return in_pool(loop, "readv", SYS_readv, fd, pieces, count);
}
long write_file(Scheduler& loop, int fd, const void* data, std::size_t size) noexcept {
    if (!threads_for_files()) return direct::write(hooks::sys(loop), fd, data, size);
    return in_pool(loop, "write", SYS_write, fd, data, size);
}
long writev_file(Scheduler& loop, int fd, const iovec* pieces, int count) noexcept {
    if (!threads_for_files()) return direct::writev(hooks::sys(loop), fd, pieces, count);
    return in_pool(loop, "writev", SYS_writev, fd, pieces, count);
}

namespace in_task {

ssize_t pread(Scheduler& loop, int fd, void* buffer, size_t size, off_t offset) {
    return offset < 0 ? fail(EINVAL) : read_at(loop, fd, buffer, size, offset, "pread");
}
ssize_t pread64(Scheduler& loop, int fd, void* buffer, size_t size, off64_t offset) {
    return in_task::pread(loop, fd, buffer, size, offset);
}
ssize_t preadv(Scheduler& loop, int fd, const iovec* pieces, int count, off_t offset) {
    return in_pool(loop, "preadv", SYS_preadv, fd, pieces, count, offset, 0L);
}
ssize_t preadv64(Scheduler& loop, int fd, const iovec* pieces, int count, off64_t offset) {
    return in_task::preadv(loop, fd, pieces, count, offset);
}
ssize_t pwrite(Scheduler& loop, int fd, const void* data, size_t size, off_t offset) {
    return in_pool(loop, "pwrite", SYS_pwrite64, fd, data, size, offset);
}
ssize_t pwrite64(Scheduler& loop, int fd, const void* data, size_t size, off64_t offset) {
    return in_task::pwrite(loop, fd, data, size, offset);
}
ssize_t pwritev(Scheduler& loop, int fd, const iovec* pieces, int count, off_t offset) {
    return in_pool(loop, "pwritev", SYS_pwritev, fd, pieces, count, offset, 0L);
}
ssize_t pwritev64(Scheduler& loop, int fd, const iovec* pieces, int count, off64_t offset) {
    return in_task::pwritev(loop, fd, pieces, count, offset);
}
int fsync(Scheduler& loop, int fd) { return static_cast<int>(in_pool(loop, "fsync", SYS_fsync, fd)); }
int fdatasync(Scheduler& loop, int fd) {
    return static_cast<int>(in_pool(loop, "fdatasync", SYS_fdatasync, fd));
}
int syncfs(Scheduler& loop, int fd) {
    return static_cast<int>(in_pool(loop, "syncfs", SYS_syncfs, fd));
}
int sync_file_range(Scheduler& loop, int fd, off64_t offset, off64_t size, unsigned flags) {
    return static_cast<int>(
        in_pool(loop, "sync_file_range", SYS_sync_file_range, fd, offset, size, flags));
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
