// SPDX-License-Identifier: BSL-1.0
// What a File points to, and how file operations are carried out: natively where the reactor takes
// them (one that takes `open` takes all), else on the pool.
//
//   open --close(), or the handle dropped--> closing --last use ends--> closed
//
// A number that is closed may be another file's at once, and a thread may be about to use it. So the
// descriptor is closed only when no call is in progress.
#pragma once

#include <coir/detail/path_view.hpp>
#include <coir/fd.hpp>
#include <coir/sync.hpp>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "loop_object.hpp"
#include "task_operation.hpp"
#include "thread_pool.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

class FileState;

/// The path with its NUL. std::invalid_argument when it is empty, has a NUL or is too long.
std::string checked_path(PathView path, const char* call);
/// std::invalid_argument for more than the permission bits.
void require_mode(mode_t mode, const char* call);
/// Throws IoError naming the call and the path.
[[noreturn]] void throw_path_error(long negative, const char* call, const std::string& path);

bool takes_files(Scheduler& scheduler) noexcept;
/// An operation with a file: its result, or CancelledError.
std::int32_t perform_file_operation(Scheduler& scheduler, TaskOperation& operation,
                                    const char* call);
/// `f(sys)` on a pool thread, again after EINTR: its result, or CancelledError.
template <class F>
long call_in_pool(Scheduler& scheduler, const char* call, F f) {
    long result = 0;
    const auto work = [&] {
        do {
            result = f(scheduler.sys());
        } while (result == -EINTR);
    };
    make_calls_in_pool(scheduler, work, call);
    return result;
}
/// statx(2) of a path, or of a descriptor with an empty one.
struct ::stat stat_file(Scheduler& scheduler, int fd, const std::string& path, int flags,
                        const char* call);
/// Opens a file for the current task; `path` has been checked.
LoopPtr<FileState> open_file(std::string path, int flags, mode_t mode, const char* call);

/// Bytes to be moved.
struct Transfer {
    OpCode code;  ///< read or write
    char* data;
    std::size_t size;
    std::uint64_t offset;  ///< no_offset: at the position
    const char* call;
    std::size_t done = 0;
    bool ended = false;  ///< the end of the file has been read

    bool complete() const noexcept { return ended || done == size; }
    bool at_position() const noexcept { return offset == no_offset; }
    /// The next piece, of at most `most` bytes.
    void next_piece(Operation& operation, int fd, std::size_t most) const noexcept;
    /// Takes note of a result; false for an error.
    bool note(std::int64_t result) noexcept;
};

class FileState final : public LoopFd {
public:
    /// `fd` is open, and this object's from now on.
    FileState(Scheduler& scheduler, int fd, std::string path, const struct ::stat& status,
              bool seekable, int flags) noexcept;

    // file_transfer.cpp
    std::size_t read(void* into, std::size_t size, std::uint64_t offset, const char* call);
    void write(std::string_view bytes, std::uint64_t offset, const char* call);
    std::uint64_t seek(std::int64_t offset, int whence);

    // file.cpp
    void sync(bool data_only);
    void truncate(std::uint64_t size);
    struct ::stat stat(const char* call);
    void close();
    /// The handle is gone.
    void abandon() noexcept;
    int detach();

    bool usable() const noexcept { return is_open() && !closing_; }
    bool on_disk() const noexcept { return on_disk_; }
    std::uint64_t size_when_opened() const noexcept { return size_when_opened_; }
    const std::string& path() const noexcept { return path_; }
    [[noreturn]] void fail(long negative, const char* call) const;

private:
    /// A call in progress.
    class Use {
    public:
        Use(FileState& file, const char* call);
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        ~Use();

    private:
        LoopPtr<FileState> file_;
    };

    void end_use() noexcept;
    void begin_closing() noexcept;
    void transfer(Transfer& transfer);
    void transfer_natively(Transfer& transfer);
    void transfer_cached(Transfer& transfer) noexcept;
    void transfer_in_pool(Transfer& transfer);
    void transfer_waiting(Transfer& transfer);

    const std::string path_;
    const std::uint64_t size_when_opened_;
    const bool on_disk_;  ///< readiness says nothing about it
    const bool seekable_;
    const bool appends_;
    const bool direct_;  ///< past the page cache
    bool closing_ = false;
    std::uint32_t uses_ = 0;
    Lock position_;  ///< calls that move the position take turns
    WaitQueue closers_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
