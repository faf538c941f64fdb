// SPDX-License-Identifier: BSL-1.0
// read_file and write_file, made of the operations of File.
//
//   write_file, atomic: open a new name --> write --> fsync --> rename over the old one
//                                             `-- failed or cancelled --> the new name is removed
#include <algorithm>
#include <cerrno>
#include <coir/error.hpp>
#include <coir/file.hpp>

#include "file_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t first_read = 16 * 1024;   // pipes, and /proc, do not say how much there is
constexpr std::size_t most_growth = std::size_t{1} << 26;

// Closes on every way out; what close() reports is of interest after writing only.
class OpenFile {
public:
    OpenFile(const std::string& path, int flags, mode_t mode, const char* call)
        : state_(open_file(path, flags, mode, call)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() { state_->abandon(); }
    FileState* operator->() const noexcept { return state_.get(); }

private:
    LoopPtr<FileState> state_;
};

void write_in_place(const std::string& path, std::string_view bytes,
                    const WriteFileOptions& options) {
    OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC, options.mode, "write_file");
    file->write(bytes, no_offset, "write_file");
    file->close();
}

// A name in the same directory: a rename does not cross file systems.
std::string name_beside(Scheduler& scheduler, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
    constexpr std::size_t longest_name = 255 - 1 - 1 - 16 - 4;  // . . random .tmp
    std::string random(16, '0');
    std::uint64_t value = scheduler.sys().random();
    for (char& digit : random) {
        digit = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return path.substr(0, begin) + '.' + path.substr(begin, longest_name) + '.' + random + ".tmp";
}

// The mode of the file that is to be replaced, if there is one.
void take_mode(Scheduler& scheduler, const std::string& from, FileState& to) {
    const int fd = to.fd();
    const long result = call_in_pool(scheduler, "write_file", [&from, fd](Sys& sys) {
        struct ::stat status {};
        const long there =
            sys(SYS_newfstatat, AT_FDCWD, from.c_str(), &status, AT_SYMLINK_NOFOLLOW);
        if (there == -ENOENT) return 0L;
        if (there < 0) return there;
        if (S_ISDIR(status.st_mode)) return -static_cast<long>(EISDIR);
        if (!S_ISREG(status.st_mode)) return 0L;
        return sys(SYS_fchmod, fd, status.st_mode & 07777u);
    });
    if (result < 0) throw_path_error(result, "write_file", from);
}

void write_beside(const std::string& path, std::string_view bytes,
                  const WriteFileOptions& options) {
    Scheduler& scheduler = this_task("write_file").scheduler();
    const std::string fresh = name_beside(scheduler, path);
    OpenFile file(fresh, O_WRONLY | O_CREAT | O_EXCL, options.mode, "write_file");
    try {
        take_mode(scheduler, path, *file.operator->());
        file->write(bytes, no_offset, "write_file");
        file->sync(false);
        file->close();
        const long result = call_in_pool(scheduler, "write_file", [&](Sys& sys) {
            return sys(SYS_renameat2, AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), 0);
        });
        if (result < 0) throw_path_error(result, "write_file", path);
    } catch (...) {
        // Here, not on a thread: a task that is cancelled for good must not leave it behind.
        scheduler.sys()(SYS_unlinkat, AT_FDCWD, fresh.c_str(), 0);
        throw;
    }
}

}  // namespace

void write_whole_file(PathView path, std::string_view bytes, const WriteFileOptions& options) {
    enter_suspension_point("write_file");
    const std::string name = checked_path(path, "write_file");
    require_mode(options.mode, "write_file");
    if (options.atomic) {
        write_beside(name, bytes, options);
    } else {
        write_in_place(name, bytes, options);
    }
}

}  // namespace detail

std::string read_file(detail::PathView path, std::size_t max) {
    detail::enter_suspension_point("read_file");
    const std::string name = detail::checked_path(path, "read_file");
    detail::OpenFile file(name, O_RDONLY, 0, "read_file");
    std::string bytes;
    const auto expected = static_cast<std::size_t>(
        std::min<std::uint64_t>(file->size_when_opened(), max));
    // One more than is expected: so the end is seen without another call.
    std::size_t room = file->on_disk() && expected > 0 ? expected : detail::first_read;
    for (std::size_t got = 0;; room = std::min(got, detail::most_growth)) {
        room = std::min(room, max - got);
        bytes.resize(got + room + 1);
        const std::size_t count = file->read(bytes.data() + got, room + 1, no_offset, "read_file");
        got += count;
        if (got > max) {
            throw LimitOverrunError("coir: '" + name + "' has more than the " +
                                        std::to_string(max) + " bytes that read_file may take",
                                    0);
        }
        const bool at_end = file->on_disk() ? count <= room : count == 0;
        if (at_end) {
            bytes.resize(got);
            return bytes;
        }
    }
}

}  // namespace v0
}  // namespace coir
