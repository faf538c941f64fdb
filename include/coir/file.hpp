// SPDX-License-Identifier: BSL-1.0
// Files and directories.
//
// On io_uring the kernel opens, reads, writes, syncs and closes natively; with other reactors, and
// for what io_uring would give to a thread anyway (rename, remove, mkdir, truncate, list_dir), a
// thread of the loop's pool does (RunOptions::max_threads of them; what is in the page cache is read
// at once). The results are the same. Readiness says nothing about files, so that a thread that
// waits for a disk is what there is; the loop goes on meanwhile.
//
// Threads: the loop's thread only; std::logic_error outside of a task. Errors: IoError naming the
// call and the path. A path that is empty, has a NUL or is longer than 4095 bytes is
// std::invalid_argument, before any system call. Relative paths are the process's, as always.
// Cancellation: a call that had not begun throws CancelledError and has done nothing. One that runs
// on a thread cannot be interrupted, for it uses the caller's buffers: the task waits for it and
// gets its result, with the cancellation pending; io_uring can take back what the disk has not
// begun. A long transfer stops after the megabyte that is under way. Descriptors are close-on-exec.
// asyncio has nothing like this.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/path_view.hpp>
#include <coir/fd.hpp>
#include <coir/fs_watcher.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
class FileState;
}

/// An open file. What has no place to read at (pipes, FIFOs, terminals, sockets) is taken as well:
/// a read() of one returns what is there, and waits as a Stream does, without a thread. As with
/// write(2), SIGPIPE comes for writing to a pipe that nobody reads; IoError(EPIPE) if it is ignored.
class COIR_API File {
public:
    /// Empty: every use but assignment throws IoError(EBADF).
    File() noexcept = default;
    /// Takes a descriptor over, with its position. Throws std::logic_error outside a loop, IoError
    /// when it is not open.
    explicit File(Fd fd);
    /// open(2): `flags` are O_RDONLY, O_WRONLY or O_RDWR with O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
    /// ...; `mode` is for files that it creates, and the umask is taken off. Opening a FIFO waits
    /// for its other end, on a thread, unless `flags` has O_NONBLOCK.
    COIR_SUSPENDS static File open(detail::PathView path, int flags = O_RDONLY,
                                   mode_t mode = 0666);
    File(File&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    File& operator=(File&& other) noexcept;
    /// Closes it here and now, ignoring errors: close() is better after writing, and for what may
    /// be slow to close. Nothing is synced. What other tasks do with it goes to its end first.
    ~File();

    // --- At an offset in bytes; any number of tasks at a time. IoError(ESPIPE): it has none. ---

    /// Reads until the buffer is full or the file ends, and returns the bytes read: less than asked
    /// for only at the end, 0 behind it.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS std::size_t read_at(Buffer&& buffer, std::uint64_t offset) {
        return read_bytes_at(std::ranges::data(buffer), std::ranges::size(buffer), offset);
    }
    /// Writes everything. On failure IoError::transferred(), on cancellation
    /// WriteCancelledError::transferred() says how much is written. Literals and pointers are text,
    /// written without their NUL. With O_APPEND Linux ignores the offset.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void write_at(
        Bytes&& bytes, std::uint64_t offset) {
        write_bytes_at(detail::bytes_of_argument(bytes), offset);
    }

    // --- At the position, which moves by what is transferred. Calls take turns. ---

    /// As read_at(). A read that throws has not moved the position. Of a pipe or terminal: what is
    /// there, at least one byte, and 0 at the end.
    template <detail::MutableBytes Buffer>
    COIR_SUSPENDS std::size_t read(Buffer&& buffer) {
        return read_bytes(std::ranges::data(buffer), std::ranges::size(buffer));
    }
    /// The same into a string of up to `n` bytes.
    COIR_SUSPENDS std::string read(std::size_t n);
    /// As write_at(). With O_APPEND each call is one write(2) up to 2 GiB, so that the records of
    /// several processes do not mix.
    template <class Bytes>
    requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void write(
        Bytes&& bytes) {
        write_bytes(detail::bytes_of_argument(bytes));
    }
    /// lseek(2): SEEK_SET, SEEK_CUR, SEEK_END, ... Returns the new position; seek(0, SEEK_CUR) tells.
    COIR_SUSPENDS std::uint64_t seek(std::int64_t offset, int whence = SEEK_SET);

    // --- The file ---

    /// Returns when the disk has what was written, and the file's attributes: fsync(2).
    COIR_SUSPENDS void fsync();
    /// The same without attributes that are not needed to read the data: fdatasync(2).
    COIR_SUSPENDS void fdatasync();
    /// Cuts the file off, or extends it with zeros.
    COIR_SUSPENDS void truncate(std::uint64_t size);
    COIR_SUSPENDS struct ::stat stat();
    /// In bytes. 0 for files whose size nobody knows before reading, as those in /proc.
    COIR_SUSPENDS std::uint64_t size();

    // --- Ending ---

    /// Waits for what other tasks do with the file, and closes it; what waits on a pipe or terminal
    /// gets IoError(ECANCELED). Throws what close(2) reports, EIO or ENOSPC of network file systems
    /// for instance. It is closed in any case, also when this throws. Twice is harmless.
    COIR_SUSPENDS void close();
    /// Gives the descriptor away. std::logic_error while another task uses the file.
    [[nodiscard]] Fd release();
    bool is_open() const noexcept;
    /// -1 once closed. It stays the file's.
    int native_handle() const noexcept;

private:
    explicit File(detail::FileState* state) noexcept : state_(state) {}
    std::size_t read_bytes_at(void* into, std::size_t size, std::uint64_t offset);
    std::size_t read_bytes(void* into, std::size_t size);
    void write_bytes_at(std::string_view bytes, std::uint64_t offset);
    void write_bytes(std::string_view bytes);
    detail::FileState& open_state(const char* call) const;

    detail::FileState* state_ = nullptr;
};

// --- Whole files --------------------------------------------------------------------------------

/// Everything that a file has; also files in /proc, whose size is 0, and pipes. LimitOverrunError
/// when that is more than `max` bytes.
COIR_API COIR_SUSPENDS std::string read_file(detail::PathView path,
                                             std::size_t max = static_cast<std::size_t>(-1) / 2);

struct WriteFileOptions {
    mode_t mode = 0666;  ///< of a file that is created; the umask is taken off
    /// Whoever reads the file, also after a crash, finds the old content or the new one, never a
    /// part: the bytes go to a new file beside it, are synced, and take its name. The mode of a file
    /// that is there is kept, its owner and links are not; a symbolic link is replaced itself.
    /// Otherwise the file is truncated and written: an error leaves a part.
    bool atomic = false;
};
namespace detail {
COIR_API COIR_SUSPENDS void write_whole_file(PathView path, std::string_view bytes,
                                             const WriteFileOptions& options);
}
/// Makes the file consist of `bytes`, and creates it if need be.
template <class Bytes>
requires detail::ConstBytes<std::remove_reference_t<Bytes>> COIR_SUSPENDS void write_file(
    detail::PathView path, Bytes&& bytes, const WriteFileOptions& options = {}) {
    detail::write_whole_file(path, detail::bytes_of_argument(bytes), options);
}

// --- Names --------------------------------------------------------------------------------------

enum class FileType : std::uint8_t {
    unknown,
    regular,
    directory,
    symlink,
    fifo,
    socket,
    character_device,
    block_device,
};

struct DirEntry {
    std::string name;  ///< without the directory
    FileType type = FileType::unknown;
};

/// What is in a directory, sorted by the bytes of the names, without "." and "..". What comes and
/// goes meanwhile may be in the list or not.
COIR_API COIR_SUSPENDS std::vector<DirEntry> list_dir(detail::PathView path);
/// stat(2): of what a symbolic link points to.
COIR_API COIR_SUSPENDS struct ::stat stat(detail::PathView path);
/// lstat(2): of the link itself.
COIR_API COIR_SUSPENDS struct ::stat lstat(detail::PathView path);
/// rename(2): replaces `to`, if that is there, in one step. IoError(EXDEV) between file systems.
COIR_API COIR_SUSPENDS void rename(detail::PathView from, detail::PathView to);
/// A file, a symbolic link itself, or an empty directory. IoError(ENOENT) when there is none.
COIR_API COIR_SUSPENDS void remove(detail::PathView path);

struct MkdirOptions {
    mode_t mode = 0777;  ///< the umask is taken off
    /// Also makes the directories above it that are missing (mode 0777), and is content with one
    /// that is there, as `mkdir -p` does.
    bool parents = false;
};
/// Makes a directory. IoError(EEXIST) when there is something by that name.
COIR_API COIR_SUSPENDS void mkdir(detail::PathView path, const MkdirOptions& options = {});

}  // namespace v0
}  // namespace coir
