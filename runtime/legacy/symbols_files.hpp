// SPDX-License-Identifier: BSL-1.0
// Files that make their callers wait, moving data inside the kernel, message queues. See symbols.hpp.
#pragma once

// clang-format off
// The lists of parameters of fcntl and open are open-ended; theirs have room for all that there is.
#define COIR_LEGACY_FILE_LOCK_SYMBOLS(X) \
    X(flock, io, SYS_flock, int, (int fd, int operation), (fd, operation)) \
    X(lockf, io, -1, int, (int fd, int command, off_t length), (fd, command, length)) \
    X(lockf64, io, -1, int, (int fd, int command, off64_t length), (fd, command, length)) \
    X(fcntl, io, -1, int, (int fd, int command, long argument), (fd, command, argument)) \
    X(fcntl64, io, -1, int, (int fd, int command, long argument), (fd, command, argument))

#define COIR_LEGACY_OPEN_SYMBOLS(X) \
    X(open, io, -1, int, (const char* path, int flags, mode_t mode), (path, flags, mode)) \
    X(open64, io, -1, int, (const char* path, int flags, mode_t mode), (path, flags, mode)) \
    X(openat, io, SYS_openat, int, (int folder, const char* path, int flags, mode_t mode), (folder, path, flags, mode)) \
    X(openat64, io, SYS_openat, int, (int folder, const char* path, int flags, mode_t mode), (folder, path, flags, mode)) \
    X(creat, io, -1, int, (const char* path, mode_t mode), (path, mode)) \
    X(creat64, io, -1, int, (const char* path, mode_t mode), (path, mode)) \
    X(__open_2, io, -1, int, (const char* path, int flags), (path, flags)) \
    X(__open64_2, io, -1, int, (const char* path, int flags), (path, flags)) \
    X(__openat_2, io, -1, int, (int folder, const char* path, int flags), (folder, path, flags)) \
    X(__openat64_2, io, -1, int, (int folder, const char* path, int flags), (folder, path, flags))

#define COIR_LEGACY_TRANSFER_SYMBOLS(X) \
    X(splice, io, -1, ssize_t, (int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size, unsigned flags), (from, from_offset, to, to_offset, size, flags)) \
    X(tee, io, -1, ssize_t, (int from, int to, size_t size, unsigned flags), (from, to, size, flags)) \
    X(vmsplice, io, -1, ssize_t, (int fd, const iovec* pieces, size_t count, unsigned flags), (fd, pieces, count, flags)) \
    X(sendfile, io, -1, ssize_t, (int to, int from, off_t* offset, size_t size), (to, from, offset, size)) \
    X(sendfile64, io, -1, ssize_t, (int to, int from, off64_t* offset, size_t size), (to, from, offset, size)) \
    X(preadv2, io, -1, ssize_t, (int fd, const iovec* pieces, int count, off_t offset, int flags), (fd, pieces, count, offset, flags)) \
    X(preadv64v2, io, -1, ssize_t, (int fd, const iovec* pieces, int count, off64_t offset, int flags), (fd, pieces, count, offset, flags)) \
    X(pwritev2, io, -1, ssize_t, (int fd, const iovec* pieces, int count, off_t offset, int flags), (fd, pieces, count, offset, flags)) \
    X(pwritev64v2, io, -1, ssize_t, (int fd, const iovec* pieces, int count, off64_t offset, int flags), (fd, pieces, count, offset, flags)) \
    X(getrandom, io, -1, ssize_t, (void* buffer, size_t size, unsigned flags), (buffer, size, flags))

#define COIR_LEGACY_MESSAGE_SYMBOLS(X) \
    X(msgrcv, io, -1, ssize_t, (int queue, void* message, size_t size, long type, int flags), (queue, message, size, type, flags)) \
    X(msgsnd, io, -1, int, (int queue, const void* message, size_t size, int flags), (queue, message, size, flags)) \
    X(semop, io, -1, int, (int set, sembuf* operations, size_t count), (set, operations, count)) \
    X(semtimedop, io, -1, int, (int set, sembuf* operations, size_t count, const timespec* timeout), (set, operations, count, timeout)) \
    X(mq_send, io, -1, int, (mqd_t queue, const char* message, size_t size, unsigned priority), (queue, message, size, priority)) \
    X(mq_timedsend, io, -1, int, (mqd_t queue, const char* message, size_t size, unsigned priority, const timespec* timeout), (queue, message, size, priority, timeout)) \
    X(mq_receive, io, -1, ssize_t, (mqd_t queue, char* message, size_t size, unsigned* priority), (queue, message, size, priority)) \
    X(mq_timedreceive, io, -1, ssize_t, (mqd_t queue, char* message, size_t size, unsigned* priority, const timespec* timeout), (queue, message, size, priority, timeout))

// Streams of libc's: only those that are made while the word is on.
#define COIR_LEGACY_STDIO_SYMBOLS(X) \
    X(fdopen, stdio, -1, FILE*, (int fd, const char* mode), (fd, mode)) \
    X(fopen, stdio, -1, FILE*, (const char* path, const char* mode), (path, mode)) \
    X(fopen64, stdio, -1, FILE*, (const char* path, const char* mode), (path, mode))

// What waits for a disk.
#define COIR_LEGACY_DISK_SYMBOLS(X) \
    X(pread, files, SYS_pread64, ssize_t, (int fd, void* buffer, size_t size, off_t offset), (fd, buffer, size, offset)) \
    X(pread64, files, SYS_pread64, ssize_t, (int fd, void* buffer, size_t size, off64_t offset), (fd, buffer, size, offset)) \
    X(__pread_chk, files, -1, ssize_t, (int fd, void* buffer, size_t size, off_t offset, size_t room), (fd, buffer, size, offset, room)) \
    X(__pread64_chk, files, -1, ssize_t, (int fd, void* buffer, size_t size, off64_t offset, size_t room), (fd, buffer, size, offset, room)) \
    X(preadv, files, -1, ssize_t, (int fd, const iovec* pieces, int count, off_t offset), (fd, pieces, count, offset)) \
    X(preadv64, files, -1, ssize_t, (int fd, const iovec* pieces, int count, off64_t offset), (fd, pieces, count, offset)) \
    X(pwrite, files, SYS_pwrite64, ssize_t, (int fd, const void* data, size_t size, off_t offset), (fd, data, size, offset)) \
    X(pwrite64, files, SYS_pwrite64, ssize_t, (int fd, const void* data, size_t size, off64_t offset), (fd, data, size, offset)) \
    X(pwritev, files, -1, ssize_t, (int fd, const iovec* pieces, int count, off_t offset), (fd, pieces, count, offset)) \
    X(pwritev64, files, -1, ssize_t, (int fd, const iovec* pieces, int count, off64_t offset), (fd, pieces, count, offset)) \
    X(fsync, files, SYS_fsync, int, (int fd), (fd)) \
    X(fdatasync, files, SYS_fdatasync, int, (int fd), (fd)) \
    X(syncfs, files, SYS_syncfs, int, (int fd), (fd)) \
    X(sync_file_range, files, SYS_sync_file_range, int, (int fd, off64_t offset, off64_t size, unsigned flags), (fd, offset, size, flags))

#define COIR_LEGACY_FILE_SYMBOLS(X)  \
    COIR_LEGACY_FILE_LOCK_SYMBOLS(X) \
    COIR_LEGACY_OPEN_SYMBOLS(X)      \
    COIR_LEGACY_TRANSFER_SYMBOLS(X)  \
    COIR_LEGACY_MESSAGE_SYMBOLS(X)   \
    COIR_LEGACY_STDIO_SYMBOLS(X)     \
    COIR_LEGACY_DISK_SYMBOLS(X)
// clang-format on
