// SPDX-License-Identifier: BSL-1.0
// File: life, and all but reading and writing (file_transfer.cpp).
#include <linux/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <coir/error.hpp>
#include <coir/file.hpp>
#include <limits>
#include <stdexcept>

#include "file_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

std::string checked_path(PathView path, const char* call) {
    constexpr std::size_t longest = 4095;  // PATH_MAX counts the NUL
    const std::string_view text = path.text();
    const auto refuse = [call](const std::string& why) {
        throw std::invalid_argument(std::string("coir: ") + call + " of " + why);
    };
    if (text.empty()) refuse("an empty path");
    if (text.size() > longest) {
        refuse("a path of " + std::to_string(text.size()) + " bytes; at most 4095 are possible");
    }
    if (text.find('\0') != std::string_view::npos) refuse("a path with a NUL");
    return std::string(text);
}

void require_mode(mode_t mode, const char* call) {
    if (mode <= 07777) return;
    throw std::invalid_argument(std::string("coir: ") + call + " with mode " +
                                std::to_string(mode) + "; at most 4095 (07777) is possible");
}

void throw_path_error(long negative, const char* call, const std::string& path) {
    throw_io(negative, call, -1, "'" + path + "'");
}

bool takes_files(Scheduler& scheduler) noexcept {
    return scheduler.reactor().supports(OpCode::open);
}

std::int32_t perform_file_operation(Scheduler& scheduler, TaskOperation& operation,
                                    const char* call) {
    const bool natively = takes_files(scheduler);
    for (;;) {
        const std::int32_t result = natively ? scheduler.perform(operation, call)
                                             : scheduler.perform_in_pool(operation, call);
        // ECANCELED here is a request that was taken back: nothing has happened.
        if (result != -EINTR && (result != -ECANCELED || !natively)) return result;
        operation.cancel_asked = false;
    }
}

namespace {

timespec time_of(const struct ::statx_timestamp& time) noexcept {
    return {static_cast<time_t>(time.tv_sec), static_cast<long>(time.tv_nsec)};
}

struct ::stat status_of(const struct ::statx& from) noexcept {
    struct ::stat to {};
    to.st_dev = ::makedev(from.stx_dev_major, from.stx_dev_minor);
    to.st_ino = from.stx_ino;
    to.st_mode = from.stx_mode;
    to.st_nlink = from.stx_nlink;
    to.st_uid = from.stx_uid;
    to.st_gid = from.stx_gid;
    to.st_rdev = ::makedev(from.stx_rdev_major, from.stx_rdev_minor);
    to.st_size = static_cast<off_t>(from.stx_size);
    to.st_blksize = static_cast<blksize_t>(from.stx_blksize);
    to.st_blocks = static_cast<blkcnt_t>(from.stx_blocks);
    to.st_atim = time_of(from.stx_atime);
    to.st_mtim = time_of(from.stx_mtime);
    to.st_ctim = time_of(from.stx_ctime);
    return to;
}

bool is_on_disk(mode_t mode) noexcept { return S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode); }

// Of an open file this waits for nothing but what a network file system wants to ask.
LoopPtr<FileState> adopt_file(Scheduler& scheduler, Fd fd, std::string path, const char* call) {
    struct ::stat status {};
    const long result = scheduler.sys()(SYS_fstat, fd.get(), &status);
    if (result < 0) throw_io(result, call, fd.get(), path);
    const long flags = scheduler.sys().fcntl(fd.get(), F_GETFL);
    if (flags < 0) throw_io(flags, call, fd.get(), path);
    const bool seekable = is_on_disk(status.st_mode) ||
                          scheduler.sys()(SYS_lseek, fd.get(), 0L, SEEK_CUR) >= 0;
    auto state = LoopPtr<FileState>::make(scheduler, fd.get(), std::move(path), status, seekable,
                                          static_cast<int>(flags));
    static_cast<void>(fd.release());
    return state;
}

void drop_file(FileState* state) noexcept {
    if (!state) return;
    drop_on_loop(*state, [](LoopObject& object) noexcept {
        static_cast<FileState&>(object).abandon();
        object.drop_ref();
    });
}

}  // namespace

struct ::stat stat_file(Scheduler& scheduler, int fd, const std::string& path, int flags,
                        const char* call) {
    struct ::statx status {};
    TaskOperation operation;
    operation.code = OpCode::stat;
    operation.fd = fd;
    operation.buffer = const_cast<char*>(path.c_str());
    operation.address = reinterpret_cast<sockaddr*>(&status);
    operation.size = STATX_BASIC_STATS;
    operation.flags = static_cast<std::uint32_t>(flags);
    const std::int32_t result = perform_file_operation(scheduler, operation, call);
    if (result < 0) {
        if (path.empty()) throw_io(result, call, fd);
        throw_path_error(result, call, path);
    }
    return status_of(status);
}

// io_uring first tries every open as if O_NONBLOCK was asked for: the end of a FIFO that would have
// to wait for the other one comes at once, or is ENXIO. Only a thread waits.
bool opened_too_soon(Scheduler& scheduler, std::int32_t result, int flags) noexcept {
    if (!takes_files(scheduler) || (flags & O_NONBLOCK) != 0) return false;
    if (result < 0) return result == -ENXIO;
    if ((flags & O_ACCMODE) != O_RDONLY) return false;
    struct ::stat status {};
    return scheduler.sys()(SYS_fstat, result, &status) == 0 && S_ISFIFO(status.st_mode);
}

LoopPtr<FileState> open_file(std::string path, int flags, mode_t mode, const char* call) {
    Scheduler& scheduler = this_task(call).scheduler();
    TaskOperation operation;
    operation.code = OpCode::open;
    operation.fd = AT_FDCWD;
    operation.buffer = path.data();
    operation.size = mode;
    operation.flags = static_cast<std::uint32_t>(flags | O_CLOEXEC);
    std::int32_t result = perform_file_operation(scheduler, operation, call);
    if (opened_too_soon(scheduler, result, flags)) {
        const Fd keeps_what_is_written_meanwhile(result);
        do {
            result = scheduler.perform_in_pool(operation, call);
        } while (result == -EINTR);
    }
    if (result < 0) throw_path_error(result, call, path);
    return adopt_file(scheduler, Fd(result), std::move(path), call);
}

FileState::FileState(Scheduler& scheduler, int fd, std::string path, const struct ::stat& status,
                     bool seekable, int flags) noexcept
    : LoopFd(scheduler, fd),
      path_(std::move(path)),
      size_when_opened_(static_cast<std::uint64_t>(status.st_size)),
      on_disk_(is_on_disk(status.st_mode)),
      seekable_(seekable),
      appends_((flags & O_APPEND) != 0),
      direct_((flags & O_DIRECT) != 0) {}

void FileState::fail(long negative, const char* call) const {
    if (path_.empty()) throw_io(negative, call, fd());
    throw_io(negative, call, fd(), "'" + path_ + "'");
}

FileState::Use::Use(FileState& file, const char* call) {
    file.require_own_task(call);
    if (!file.usable()) throw_io(-EBADF, call, -1, "the file is closed");
    file_ = LoopPtr<FileState>::share(&file);
    ++file.uses_;
}

FileState::Use::~Use() { file_->end_use(); }

void FileState::end_use() noexcept {
    if (--uses_ != 0 || !closing_) return;
    if (!closers_.wake_one()) close_now();
}

// No more calls from here on. What waits for a pipe would wait for ever: it is told.
void FileState::begin_closing() noexcept {
    closing_ = true;
    if (!on_disk_ && !scheduler().closed()) scheduler().fd_closing(fd());
}

void FileState::abandon() noexcept {
    if (!usable()) return;
    begin_closing();
    if (uses_ == 0) close_now();
}

void FileState::close() {
    TaskBase& self = require_own_task("close");
    if (!usable()) return self.check_cancelled();
    const auto keep = LoopPtr<FileState>::share(this);
    begin_closing();
    try {
        self.check_cancelled();
        if (uses_ != 0) {
            WaitNode node;
            closers_.wait(node, "a file's other users");
        }
        TaskOperation operation;
        operation.code = OpCode::close;
        operation.fd = fd();
        // Not perform_file_operation(): EINTR is no reason to close the number once more.
        std::int32_t result = -ECANCELED;
        while (result == -ECANCELED) {
            operation.cancel_asked = false;
            result = takes_files(scheduler()) ? scheduler().perform(operation, "close")
                                              : scheduler().perform_in_pool(operation, "close");
        }
        const int closed = forget();
        if (result >= 0 || result == -EINTR) return;
        throw_io(result, "close", closed, path_.empty() ? path_ : "'" + path_ + "'");
    } catch (const IoError&) {
        throw;
    } catch (...) {
        if (uses_ == 0) close_now();
        throw;
    }
}

int FileState::detach() {
    if (uses_ != 0) throw std::logic_error("coir: release() of a file that another task uses");
    if (!on_disk_ && !scheduler().closed()) scheduler().fd_closing(fd());
    return forget();
}

void FileState::sync(bool data_only) {
    const char* call = data_only ? "fdatasync" : "fsync";
    const Use use(*this, call);
    TaskOperation operation;
    operation.code = OpCode::fsync;
    operation.fd = fd();
    operation.flags = data_only ? 1 : 0;
    const std::int32_t result = perform_file_operation(scheduler(), operation, call);
    if (result < 0) fail(result, call);
}

void FileState::truncate(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        throw std::invalid_argument("coir: truncate to " + std::to_string(size) +
                                    " bytes; at most 2^63 - 1 are possible");
    }
    const Use use(*this, "truncate");
    const int at = fd();
    const long result = call_in_pool(scheduler(), "truncate", [at, size](Sys& sys) {
        return sys(SYS_ftruncate, at, static_cast<long>(size));
    });
    if (result < 0) fail(result, "truncate");
}

struct ::stat FileState::stat(const char* call) {
    const Use use(*this, call);
    return stat_file(scheduler(), fd(), {}, AT_EMPTY_PATH, call);
}

}  // namespace detail

File::File(Fd fd)
    : state_(
          detail::adopt_file(detail::running_scheduler("File"), std::move(fd), {}, "making a File")
              .release()) {}

File File::open(detail::PathView path, int flags, mode_t mode) {
    detail::enter_suspension_point("open");
    std::string name = detail::checked_path(path, "open");
    detail::require_mode(mode, "open");
    return File(detail::open_file(std::move(name), flags, mode, "open").release());
}

File::~File() { detail::drop_file(state_); }

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        detail::drop_file(std::exchange(state_, std::exchange(other.state_, nullptr)));
    }
    return *this;
}

detail::FileState& File::open_state(const char* call) const {
    if (!state_ || !state_->usable()) detail::throw_io(-EBADF, call, -1, "the file is closed");
    return *state_;
}

std::size_t File::read_bytes_at(void* into, std::size_t size, std::uint64_t offset) {
    detail::FileState& state = open_state("read_at");
    if (offset == no_offset) --offset;  // refused as any other that is too large
    return state.read(into, size, offset, "read_at");
}
std::size_t File::read_bytes(void* into, std::size_t size) {
    return open_state("read").read(into, size, no_offset, "read");
}
std::string File::read(std::size_t n) {
    std::string bytes(n, '\0');
    bytes.resize(read_bytes(bytes.data(), n));
    return bytes;
}
void File::write_bytes_at(std::string_view bytes, std::uint64_t offset) {
    detail::FileState& state = open_state("write_at");
    if (offset == no_offset) --offset;
    state.write(bytes, offset, "write_at");
}
void File::write_bytes(std::string_view bytes) {
    open_state("write").write(bytes, no_offset, "write");
}
std::uint64_t File::seek(std::int64_t offset, int whence) {
    return open_state("seek").seek(offset, whence);
}
void File::fsync() { open_state("fsync").sync(false); }
void File::fdatasync() { open_state("fdatasync").sync(true); }
void File::truncate(std::uint64_t size) { open_state("truncate").truncate(size); }
struct ::stat File::stat() { return open_state("stat").stat("stat"); }
std::uint64_t File::size() {
    return static_cast<std::uint64_t>(open_state("size").stat("size").st_size);
}
void File::close() {
    if (state_) state_->close();
}
Fd File::release() { return Fd(open_state("release").detach()); }
bool File::is_open() const noexcept { return state_ && state_->usable(); }
int File::native_handle() const noexcept { return state_ ? state_->fd() : -1; }

}  // namespace v0
}  // namespace coir
