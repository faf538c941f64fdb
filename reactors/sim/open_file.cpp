// SPDX-License-Identifier: BSL-1.0
// See open_file.hpp.
#include "open_file.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <dirent.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// The kernel's directory entry, whose name follows.
struct RawEntry {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    unsigned char type;
};
constexpr std::size_t name_at = 19;

timespec time_of(TimePoint when) noexcept {
    const auto count = when.time_since_epoch().count();
    return {static_cast<time_t>(count / 1'000'000'000), static_cast<long>(count % 1'000'000'000)};
}

}  // namespace

OpenFile::OpenFile(World& world, std::shared_ptr<Inode> inode, int flags)
    : Node(world), inode_(std::move(inode)), flags_(flags) {
    access_ = flags & (O_ACCMODE | O_APPEND);
}

bool OpenFile::fails() noexcept {
    return world_.choices.chance(Site::bad_disk, world_.faults.bad_disk);
}

long OpenFile::may_read() const noexcept {
    if (inode_->is_directory()) return -EISDIR;
    return (flags_ & O_ACCMODE) == O_WRONLY ? -EBADF : 0;
}

long OpenFile::may_write() const noexcept {
    return (flags_ & O_ACCMODE) == O_RDONLY ? -EBADF : 0;
}

long OpenFile::read(Pieces into) {
    const long result = read_at(into, static_cast<long>(position_));
    if (result > 0) position_ += static_cast<std::size_t>(result);
    return result;
}

long OpenFile::write(Pieces from) {
    if ((flags_ & O_APPEND) != 0) position_ = inode_->bytes.size();
    const long result = write_at(from, static_cast<long>(position_));
    if (result > 0) position_ += static_cast<std::size_t>(result);
    return result;
}

long OpenFile::read_at(Pieces into, long offset) {
    if (const long error = may_read(); error < 0) return error;
    if (offset < 0) return -EINVAL;
    if (fails()) return -EIO;
    std::size_t at = static_cast<std::size_t>(offset);
    long count = 0;
    for (const iovec& piece : into) {
        if (at >= inode_->bytes.size()) break;
        const std::size_t size = std::min(piece.iov_len, inode_->bytes.size() - at);
        std::memcpy(piece.iov_base, inode_->bytes.data() + at, size);
        at += size;
        count += static_cast<long>(size);
    }
    return count;
}

// A full disk takes what still fits, and says so at the next write.
long OpenFile::write_at(Pieces from, long offset) {
    if (const long error = may_write(); error < 0) return error;
    if (offset < 0) return -EINVAL;
    if (fails()) return -EIO;
    const std::size_t wanted = total_size(from);
    if (wanted == 0) return 0;
    std::string& bytes = inode_->bytes;
    const std::size_t at = (flags_ & O_APPEND) != 0 ? bytes.size() : static_cast<std::size_t>(offset);
    if (at > most_file_bytes || wanted > most_file_bytes - at) return -EFBIG;
    std::size_t room = world_.files.room();
    if (world_.choices.chance(Site::no_space, world_.faults.no_space)) {
        room = world_.choices.pick(Site::no_space, static_cast<std::uint32_t>(wanted));
    }
    const std::size_t end = std::min(at + wanted, bytes.size() + room);
    if (end <= at) return -ENOSPC;
    if (end > bytes.size()) bytes.resize(end);
    std::size_t to = at;
    for (const iovec& piece : from) {
        const std::size_t size = std::min(piece.iov_len, end - to);
        std::memcpy(bytes.data() + to, piece.iov_base, size);
        to += size;
    }
    inode_->changed_at = world_.now();
    return static_cast<long>(end - at);
}

long OpenFile::seek(long offset, int whence) {
    long from = 0;
    if (whence == SEEK_CUR) from = static_cast<long>(position_);
    if (whence == SEEK_END) from = static_cast<long>(inode_->bytes.size());
    if (whence < SEEK_SET || whence > SEEK_END || from + offset < 0) return -EINVAL;
    position_ = static_cast<std::size_t>(from + offset);
    return from + offset;
}

// Of a folder: the names in it.
long OpenFile::sync() {
    if (fails()) return -EIO;
    inode_->durable = inode_->bytes;
    inode_->durable_entries = inode_->entries;
    return 0;
}

long OpenFile::resize(long size) {
    if (const long error = may_write(); error < 0) return -EINVAL;
    if (size < 0) return -EINVAL;
    const auto wanted = static_cast<std::size_t>(size);
    if (wanted > most_file_bytes) return -EFBIG;
    const std::size_t before = inode_->bytes.size();
    if (wanted > before && wanted - before > world_.files.room()) return -ENOSPC;
    inode_->bytes.resize(wanted);
    inode_->changed_at = world_.now();
    return 0;
}

long OpenFile::change_mode(mode_t mode) {
    inode_->mode = (inode_->mode & S_IFMT) | (mode & 07777);
    return 0;
}

long OpenFile::list(void* buffer, std::size_t size) {
    if (!inode_->is_directory()) return -ENOTDIR;
    auto* const out = static_cast<char*>(buffer);
    std::size_t used = 0;
    while (position_ < inode_->entries.size()) {
        const auto& [name, inode] = *std::next(inode_->entries.begin(),
                                               static_cast<std::ptrdiff_t>(position_));
        const std::size_t length = (name_at + name.size() + 1 + 7) / 8 * 8;
        if (used + length > size) return used > 0 ? static_cast<long>(used) : -EINVAL;
        RawEntry entry{};
        entry.inode = inode->number;
        entry.offset = static_cast<std::int64_t>(++position_);
        entry.size = static_cast<std::uint16_t>(length);
        entry.type = inode->is_directory() ? DT_DIR : DT_REG;
        std::memset(out + used, 0, length);
        std::memcpy(out + used, &entry, name_at);
        std::memcpy(out + used + name_at, name.data(), name.size());
        used += length;
    }
    return static_cast<long>(used);
}

void describe_inode(const Inode& inode, struct stat& status) noexcept {
    status = {};
    status.st_mode = inode.mode;
    status.st_ino = inode.number;
    status.st_nlink = inode.is_directory() ? 2 : inode.links;
    status.st_size = static_cast<off_t>(inode.bytes.size());
    status.st_blksize = 4096;
    status.st_blocks = (status.st_size + 511) / 512;
    status.st_atim = status.st_mtim = status.st_ctim = time_of(inode.changed_at);
}

void OpenFile::describe(struct stat& status) const noexcept { describe_inode(*inode_, status); }

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
