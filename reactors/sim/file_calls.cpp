// SPDX-License-Identifier: BSL-1.0
// System calls about files by their names. See sim_sys.hpp.
//
// What is not in a mounted folder is the machine's, and goes to the kernel.
#include "open_file.hpp"
#include "sim_sys.hpp"

#include <fcntl.h>
#include <linux/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

const char* text(long argument) noexcept { return reinterpret_cast<const char*>(argument); }

struct ::statx_timestamp time_of(const timespec& from) noexcept {
    struct ::statx_timestamp to {};
    to.tv_sec = from.tv_sec;
    to.tv_nsec = static_cast<std::uint32_t>(from.tv_nsec);
    return to;
}

void fill(struct ::statx& to, const struct stat& from) noexcept {
    to = {};
    to.stx_mask = STATX_BASIC_STATS;
    to.stx_blksize = static_cast<std::uint32_t>(from.st_blksize);
    to.stx_nlink = static_cast<std::uint32_t>(from.st_nlink);
    to.stx_mode = static_cast<std::uint16_t>(from.st_mode);
    to.stx_ino = from.st_ino;
    to.stx_size = static_cast<std::uint64_t>(from.st_size);
    to.stx_blocks = static_cast<std::uint64_t>(from.st_blocks);
    to.stx_atime = to.stx_mtime = to.stx_ctime = time_of(from.st_mtim);
}

}  // namespace

bool SimSys::names_file(long number) noexcept {
    switch (number) {
        case SYS_openat:
        case SYS_newfstatat:
        case SYS_statx:
        case SYS_unlinkat:
        case SYS_renameat2:
        case SYS_mkdirat:
        case SYS_faccessat:
            return true;
        default:
            return false;
    }
}

// A socket file of the world. Linux has these in the file system, so that coir asks about them there.
bool SimSys::about_socket_file(const Arguments& call, long& result) {
    if (call.number != SYS_newfstatat && call.number != SYS_unlinkat) return false;
    const char* path = text(call.b);
    const std::uint64_t number = path && *path ? world_.names.path_number(path) : 0;
    if (number == 0) return false;
    result = 0;
    if (call.number == SYS_unlinkat) {
        world_.names.unlink(path);
        return true;
    }
    auto& status = *reinterpret_cast<struct stat*>(call.c);
    status = {};
    status.st_mode = S_IFSOCK | 0755;
    status.st_ino = number;
    return true;
}

long SimSys::open(const std::string& path, const Arguments& call) {
    const int flags = static_cast<int>(call.c);
    if (world_.descriptors.is_full()) return -EMFILE;
    std::shared_ptr<Inode> inode;
    const long error = world_.files.open(path, flags, static_cast<mode_t>(call.d), inode);
    if (error < 0) return error;
    return world_.descriptors.add(std::make_shared<OpenFile>(world_, std::move(inode), flags),
                                  (flags & O_CLOEXEC) != 0);
}

long SimSys::on_names(const Arguments& call, const Node* directory) {
    long result = 0;
    if (about_socket_file(call, result)) return result;
    const bool is_status = call.number == SYS_newfstatat || call.number == SYS_statx;
    if (is_status && directory && *text(call.b) == '\0') {
        struct stat status {};
        directory->describe(status);
        if (call.number == SYS_statx) {
            fill(*reinterpret_cast<struct ::statx*>(call.e), status);
        } else {
            *reinterpret_cast<struct stat*>(call.c) = status;
        }
        return 0;
    }
    const auto* folder = dynamic_cast<const OpenFile*>(directory);
    const auto path = world_.files.locate(folder ? folder->inode() : nullptr, text(call.b));
    const bool renames = call.number == SYS_renameat2;
    if (!path) {
        if (directory) return -ENOTDIR;
        if (renames && world_.files.locate(nullptr, text(call.d))) return -EXDEV;
        return to_kernel(call);
    }
    if (renames) {
        const auto* onto = dynamic_cast<const OpenFile*>(world_.descriptors.find(static_cast<int>(call.c)));
        const auto to = world_.files.locate(onto ? onto->inode() : nullptr, text(call.d));
        result = to ? world_.files.rename(*path, *to, static_cast<unsigned>(call.e)) : -EXDEV;
    } else {
        result = on_located(call, *path);
    }
    if (!directory) note(call.number, result);
    return result;
}

long SimSys::on_located(const Arguments& call, const std::string& path) {
    switch (call.number) {
        case SYS_openat:
            return open(path, call);
        case SYS_unlinkat:
            return world_.files.unlink(path, static_cast<int>(call.c));
        case SYS_mkdirat:
            return world_.files.make_directory(path, static_cast<mode_t>(call.c));
        default:
            break;
    }
    long error = 0;
    const auto inode = world_.files.find(path, &error);
    if (!inode) return error;
    struct stat status {};
    describe_inode(*inode, status);
    if (call.number == SYS_newfstatat) *reinterpret_cast<struct stat*>(call.c) = status;
    if (call.number == SYS_statx) fill(*reinterpret_cast<struct ::statx*>(call.e), status);
    return 0;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
