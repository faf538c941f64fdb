// SPDX-License-Identifier: BSL-1.0
// See file_system.hpp.
#include "file_system.hpp"

#include "world.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t longest_name = 255;

// Without "//" and ".", and without ".." unless they are kept: a name before it must exist.
std::string normalised(std::string_view path, bool keeps_up = false) {
    std::vector<std::string_view> names;
    while (!path.empty()) {
        const std::size_t size = std::min(path.find('/'), path.size());
        const std::string_view name = path.substr(0, size);
        path.remove_prefix(std::min(size + 1, path.size()));
        if (name.empty() || name == ".") continue;
        if (name != ".." || keeps_up) {
            names.push_back(name);
        } else if (!names.empty()) {
            names.pop_back();
        }
    }
    std::string result;
    for (const std::string_view name : names) result += '/' + std::string(name);
    return result.empty() ? "/" : result;
}

bool is_below(std::string_view path, std::string_view folder) noexcept {
    return path.substr(0, folder.size()) == folder &&
           (path.size() == folder.size() || path[folder.size()] == '/');
}

// A name in a folder: there, or not any more.
void name_it(const std::shared_ptr<Inode>& folder, const std::string& name,
             std::shared_ptr<Inode> inode) {
    if (!inode->is_directory()) {
        ++inode->links;
    } else {
        inode->parent = folder;
        inode->name = name;
    }
    folder->entries[name] = std::move(inode);
}

void unname(Inode& folder, const std::string& name) {
    const auto at = folder.entries.find(name);
    if (!at->second->is_directory()) --at->second->links;
    folder.entries.erase(at);
}

void list_files(const Inode& folder, std::vector<std::string>& paths) {
    for (const auto& [name, inode] : folder.entries) {
        if (inode->is_directory()) {
            list_files(*inode, paths);
        } else {
            paths.push_back(folder.path() + '/' + name);
        }
    }
}

}  // namespace

void FileSystem::mount(const std::string& folder) {
    const std::string path = normalised(folder);
    std::erase_if(mounts_, [&path](const Mount& mount) { return mount.path == path; });
    auto root = std::make_shared<Inode>(world_.next_node(), S_IFDIR | 0755, world_.now());
    root->name = path;
    mounts_.push_back({path, std::move(root)});
}

const FileSystem::Mount* FileSystem::mount_of(std::string_view path) const noexcept {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts_) {
        if (is_below(path, mount.path) && (!best || mount.path.size() > best->path.size())) {
            best = &mount;
        }
    }
    return best;
}

std::optional<std::string> FileSystem::locate(const Inode* directory, const char* path) const {
    if (mounts_.empty() || !path) return std::nullopt;
    if (*path != '/' && !directory) return std::nullopt;  // the working directory is the machine's
    std::string whole = *path == '/' ? path : directory->path() + '/' + path;
    const std::string meant = normalised(whole);
    const Mount* mount = mount_of(meant);
    if (!mount) return std::nullopt;
    whole = normalised(whole, true);
    return is_below(whole, mount->path) ? whole : meant;
}

std::shared_ptr<Inode> FileSystem::find(std::string_view path, long* error) const {
    const auto fail = [error](long number) {
        if (error) *error = number;
        return nullptr;
    };
    const Mount* mount = mount_of(path);
    if (!mount) return fail(-ENOENT);
    std::shared_ptr<Inode> inode = mount->root;
    std::vector<std::shared_ptr<Inode>> above;
    path.remove_prefix(std::min(mount->path.size() + 1, path.size()));
    while (!path.empty()) {
        if (!inode->is_directory()) return fail(-ENOTDIR);
        const std::size_t size = std::min(path.find('/'), path.size());
        const std::string name(path.substr(0, size));
        if (name.size() > longest_name) return fail(-ENAMETOOLONG);
        path.remove_prefix(std::min(size + 1, path.size()));
        if (name == "..") {
            if (above.empty()) return fail(-ENOENT);
            inode = above.back();
            above.pop_back();
            continue;
        }
        const auto at = inode->entries.find(name);
        if (at == inode->entries.end()) return fail(-ENOENT);
        above.push_back(std::exchange(inode, at->second));
    }
    return inode;
}

std::shared_ptr<Inode> FileSystem::parent_of(const std::string& path, std::string& name,
                                             long& error) const {
    const Mount* mount = mount_of(path);
    if (!mount || path == mount->path) {
        error = -EBUSY;
        return nullptr;
    }
    const std::size_t slash = path.rfind('/');
    name = path.substr(slash + 1);
    if (name.size() > longest_name || name == "..") {
        error = name == ".." ? -EINVAL : -ENAMETOOLONG;
        return nullptr;
    }
    auto parent = find(std::string_view(path).substr(0, slash), &error);
    if (parent && !parent->is_directory()) {
        error = -ENOTDIR;
        return nullptr;
    }
    return parent;
}

long FileSystem::open(const std::string& path, int flags, mode_t mode, std::shared_ptr<Inode>& found) {
    if ((flags & O_TMPFILE) == O_TMPFILE) return -EOPNOTSUPP;
    long error = 0;
    found = find(path, &error);
    const bool creates = (flags & O_CREAT) != 0;
    if (found && creates && (flags & O_EXCL) != 0) return -EEXIST;
    if (!found && (error != -ENOENT || !creates)) return error;
    if (!found) {
        std::string name;
        const auto parent = parent_of(path, name, error);
        if (!parent) return error;
        found = std::make_shared<Inode>(world_.next_node(), S_IFREG | (mode & 07777), world_.now());
        name_it(parent, name, found);
        return 0;
    }
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (found->is_directory() && (writes || creates)) return -EISDIR;
    if (!found->is_directory() && (flags & O_DIRECTORY) != 0) return -ENOTDIR;
    if (writes && (flags & O_TRUNC) != 0) {
        found->bytes.clear();
    }
    return 0;
}

long FileSystem::make_directory(const std::string& path, mode_t mode) {
    long error = 0;
    if (find(path)) return -EEXIST;
    std::string name;
    const auto parent = parent_of(path, name, error);
    if (!parent) return error;
    name_it(parent, name,
            std::make_shared<Inode>(world_.next_node(), S_IFDIR | (mode & 07777), world_.now()));
    return 0;
}

long FileSystem::unlink(const std::string& path, int flags) {
    long error = 0;
    const auto inode = find(path, &error);
    if (!inode) return error;
    std::string name;
    const auto parent = parent_of(path, name, error);
    if (!parent) return error;
    const bool directory = (flags & AT_REMOVEDIR) != 0;
    if (directory && !inode->is_directory()) return -ENOTDIR;
    if (!directory && inode->is_directory()) return -EISDIR;
    if (directory && !inode->entries.empty()) return -ENOTEMPTY;
    unname(*parent, name);
    return 0;
}

long FileSystem::rename(const std::string& from, const std::string& to, unsigned flags) {
    if ((flags & ~unsigned{RENAME_NOREPLACE}) != 0) return -EINVAL;
    long error = 0;
    const auto inode = find(from, &error);
    if (!inode) return error;
    std::string old_name;
    std::string new_name;
    const auto old_parent = parent_of(from, old_name, error);
    if (!old_parent) return error;
    const auto new_parent = parent_of(to, new_name, error);
    if (!new_parent) return error;
    if (inode->is_directory() && from != to && is_below(to, from)) return -EINVAL;
    const auto there = find(to);
    if (there == inode) return 0;
    if (there) {
        if ((flags & RENAME_NOREPLACE) != 0) return -EEXIST;
        if (there->is_directory() && !inode->is_directory()) return -EISDIR;
        if (!there->is_directory() && inode->is_directory()) return -ENOTDIR;
        if (!there->entries.empty()) return -ENOTEMPTY;
        unname(*new_parent, new_name);
    }
    unname(*old_parent, old_name);
    name_it(new_parent, new_name, inode);
    return 0;
}

std::size_t FileSystem::room() const {
    if (space_ == unlimited) return most_file_bytes;
    std::uint64_t used = 0;
    for (const std::string& path : files()) used += find(path)->bytes.size();
    return static_cast<std::size_t>(space_ > used ? space_ - used : 0);
}

// What is newer than the last sync may have come to the disk all the same, in whole or in part: a file
// that is written anew is often found empty.
void FileSystem::lose_newest(Inode& file) {
    if (file.bytes == file.durable) return;
    switch (world_.choices.pick(Site::bad_disk, 3)) {
        case 0:
            return;
        case 1:
            file.bytes = file.durable;
            return;
        default:
            file.bytes.resize(world_.choices.pick(
                Site::bad_disk, static_cast<std::uint32_t>(file.bytes.size() + 1)));
    }
}

void FileSystem::crash() {
    const auto fall_back = [this](auto&& self, const std::shared_ptr<Inode>& inode) -> void {
        if (!inode->is_directory()) {
            lose_newest(*inode);
            ++inode->links;
            return;
        }
        const bool lost = world_.choices.pick(Site::bad_disk, 2) == 1;
        if (lost) inode->entries = inode->durable_entries;
        for (const auto& [name, entry] : inode->entries) {
            entry->links = 0;
            entry->parent = inode;
            entry->name = name;
            self(self, entry);
        }
    };
    for (const Mount& mount : mounts_) fall_back(fall_back, mount.root);
}

std::vector<std::string> FileSystem::files() const {
    std::vector<std::string> paths;
    for (const Mount& mount : mounts_) list_files(*mount.root, paths);
    return paths;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
