// SPDX-License-Identifier: BSL-1.0
// Directories and names: list_dir, stat, rename, remove, mkdir. io_uring would give these to a thread
// of the kernel; they go to one of ours.
#include <dirent.h>
#include <linux/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <coir/error.hpp>
#include <coir/file.hpp>
#include <cstring>
#include <memory>

#include "file_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

Scheduler& enter(const char* call) { return enter_suspension_point(call).scheduler(); }

FileType type_of_mode(unsigned mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return FileType::regular;
        case S_IFDIR:
            return FileType::directory;
        case S_IFLNK:
            return FileType::symlink;
        case S_IFIFO:
            return FileType::fifo;
        case S_IFSOCK:
            return FileType::socket;
        case S_IFCHR:
            return FileType::character_device;
        case S_IFBLK:
            return FileType::block_device;
        default:
            return FileType::unknown;
    }
}

// What getdents64 writes.
struct RawEntry {
    std::uint64_t inode;
    std::int64_t next;
    unsigned short size;
    unsigned char type;
    char name[1];
};

// Reads a directory, on a pool thread.
class Listing {
public:
    Listing(Sys& sys, const std::string& path) noexcept : sys_(sys), path_(path) {}

    void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
    bool stopped() const noexcept { return stop_.load(std::memory_order_relaxed); }

    // 0 or -errno. May throw std::bad_alloc.
    long run() {
        long fd = 0;
        do {
            fd = sys_(SYS_openat, AT_FDCWD, path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        } while (fd == -EINTR);
        if (fd < 0) return fd;
        struct Close {
            Sys& sys;
            int fd;
            ~Close() { sys.close(fd); }
        } close{sys_, static_cast<int>(fd)};
        return read_all(close.fd);
    }
    std::vector<DirEntry> take() {
        std::sort(entries_.begin(), entries_.end(),
                  [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
        return std::move(entries_);
    }

private:
    long read_all(int fd) {
        constexpr std::size_t size = 64 * 1024;
        const auto buffer = std::make_unique<char[]>(size);
        while (!stopped()) {
            const long got = sys_(SYS_getdents64, fd, buffer.get(), size);
            if (got == -EINTR) continue;
            if (got <= 0) return got;
            for (long at = 0; at < got;) {
                RawEntry entry;
                const char* raw = buffer.get() + at;
                std::memcpy(&entry, raw, offsetof(RawEntry, name));
                add(fd, raw + offsetof(RawEntry, name), entry.type);
                at += entry.size;
            }
        }
        return 0;
    }
    void add(int fd, const char* name, unsigned char type) {
        const std::string_view text = name;
        if (text == "." || text == "..") return;
        FileType known = type_of_mode(static_cast<std::uint32_t>(DTTOIF(type)));
        // Not every file system says it.
        if (known == FileType::unknown) known = look_up(fd, name);
        entries_.push_back({std::string(text), known});
    }
    FileType look_up(int fd, const char* name) noexcept {
        struct ::statx status {};
        const long result =
            sys_(SYS_statx, fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status);
        return result < 0 ? FileType::unknown : type_of_mode(status.stx_mode);
    }

    Sys& sys_;
    const std::string& path_;
    std::vector<DirEntry> entries_;
    std::atomic<bool> stop_{false};
};

long remove_now(Sys& sys, const char* path) noexcept {
    const long result = sys(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result != -EISDIR && result != -EPERM) return result;
    const long as_directory = sys(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    return as_directory == -ENOTDIR ? result : as_directory;
}

bool is_directory(Sys& sys, const char* path) noexcept {
    struct ::statx status {};
    const long result = sys(SYS_statx, AT_FDCWD, path, 0, STATX_TYPE, &status);
    return result >= 0 && (status.stx_mode & S_IFMT) == S_IFDIR;
}

long mkdir_now(Sys& sys, const char* path, mode_t mode) noexcept {
    return sys(SYS_mkdirat, AT_FDCWD, path, mode);
}

// From the top down: what is above is there before what is below is tried.
long mkdir_parents_now(Sys& sys, std::string path, mode_t mode) noexcept {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        if (path[at - 1] == '/') continue;
        path[at] = '\0';
        const long result = mkdir_now(sys, path.c_str(), 0777);
        // A directory that is there may say EROFS or EACCES instead of EEXIST.
        const bool usable = result >= 0 || is_directory(sys, path.c_str());
        path[at] = '/';
        if (!usable) return result == -EEXIST ? -ENOTDIR : result;
    }
    const long result = mkdir_now(sys, path.c_str(), mode);
    return result < 0 && is_directory(sys, path.c_str()) ? 0 : result;
}

}  // namespace
}  // namespace detail

std::vector<DirEntry> list_dir(detail::PathView path) {
    detail::Scheduler& scheduler = detail::enter("list_dir");
    const std::string name = detail::checked_path(path, "list_dir");
    for (;;) {
        detail::Listing listing(scheduler.sys(), name);
        long result = 0;
        const auto ask_to_stop = [](void* asked) noexcept {
            static_cast<detail::Listing*>(asked)->stop();
        };
        detail::make_calls_in_pool(
            scheduler, [&] { result = listing.run(); }, "list_dir", ask_to_stop, &listing);
        if (result < 0) detail::throw_path_error(result, "list_dir", name);
        if (!listing.stopped()) return listing.take();
        detail::enter("list_dir");  // throws, unless the request was taken back: once more
    }
}

struct ::stat stat(detail::PathView path) {
    detail::Scheduler& scheduler = detail::enter("stat");
    return detail::stat_file(scheduler, AT_FDCWD, detail::checked_path(path, "stat"), 0, "stat");
}

struct ::stat lstat(detail::PathView path) {
    detail::Scheduler& scheduler = detail::enter("lstat");
    return detail::stat_file(scheduler, AT_FDCWD, detail::checked_path(path, "lstat"),
                             AT_SYMLINK_NOFOLLOW, "lstat");
}

void rename(detail::PathView from, detail::PathView to) {
    detail::Scheduler& scheduler = detail::enter("rename");
    const std::string old_name = detail::checked_path(from, "rename");
    const std::string new_name = detail::checked_path(to, "rename");
    const long result = detail::call_in_pool(scheduler, "rename", [&](detail::Sys& sys) {
        return sys(SYS_renameat2, AT_FDCWD, old_name.c_str(), AT_FDCWD, new_name.c_str(), 0);
    });
    if (result < 0) detail::throw_path_error(result, "rename", old_name + "' to '" + new_name);
}

void remove(detail::PathView path) {
    detail::Scheduler& scheduler = detail::enter("remove");
    const std::string name = detail::checked_path(path, "remove");
    const long result = detail::call_in_pool(scheduler, "remove", [&](detail::Sys& sys) {
        return detail::remove_now(sys, name.c_str());
    });
    if (result < 0) detail::throw_path_error(result, "remove", name);
}

void mkdir(detail::PathView path, const MkdirOptions& options) {
    detail::Scheduler& scheduler = detail::enter("mkdir");
    const std::string name = detail::checked_path(path, "mkdir");
    detail::require_mode(options.mode, "mkdir");
    const long result = detail::call_in_pool(scheduler, "mkdir", [&](detail::Sys& sys) {
        return options.parents ? detail::mkdir_parents_now(sys, name, options.mode)
                               : detail::mkdir_now(sys, name.c_str(), options.mode);
    });
    if (result < 0) detail::throw_path_error(result, "mkdir", name);
}

}  // namespace v0
}  // namespace coir
