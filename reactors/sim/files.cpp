// SPDX-License-Identifier: BSL-1.0
// coir::testing::Files: see coir/testing_files.hpp.
#include <coir/testing_files.hpp>

#include "world.hpp"

#include <stdexcept>

#include <fcntl.h>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::FileSystem;
using coir::detail::sim::Inode;

FileSystem& files_of(const char* call) {
    coir::detail::sim::World* world = coir::detail::sim::current_world();
    if (world) return world->files;
    throw std::logic_error(std::string("coir: Files::") + call + " outside a simulation");
}

std::string located(const FileSystem& files, std::string_view path, const char* call) {
    if (auto found = files.locate(nullptr, std::string(path).c_str())) return *found;
    throw std::invalid_argument(std::string("coir: Files::") + call + " of '" + std::string(path) +
                                "', which is in no mounted folder");
}

void make_folders(FileSystem& files, const std::string& path) {
    for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1)) {
        const std::string folder = path.substr(0, at);
        if (files.locate(nullptr, folder.c_str())) files.make_directory(folder, 0755);
    }
}

void sync_names(FileSystem& files, std::string path) {
    for (std::size_t at = path.rfind('/'); at != path.npos && at > 0; at = path.rfind('/')) {
        path.resize(at);
        if (const auto folder = files.find(path)) folder->durable_entries = folder->entries;
    }
}

}  // namespace

void Files::mount(std::string_view folder) {
    FileSystem& files = files_of("mount");
    if (folder.empty() || folder.front() != '/') {
        throw std::invalid_argument("coir: Files::mount of '" + std::string(folder) +
                                    "'; an absolute path is expected");
    }
    files.mount(std::string(folder));
}

void Files::write(std::string_view path, std::string_view bytes) {
    FileSystem& files = files_of("write");
    const std::string where = located(files, path, "write");
    make_folders(files, where);
    std::shared_ptr<Inode> inode;
    const long error = files.open(where, O_WRONLY | O_CREAT | O_TRUNC, 0644, inode);
    if (error < 0) {
        throw std::invalid_argument("coir: Files::write: '" + where + "' is a folder, or below a file");
    }
    inode->bytes = inode->durable = bytes;
    sync_names(files, where);
}

std::string Files::read(std::string_view path) {
    const FileSystem& files = files_of("read");
    const std::string where = located(files, path, "read");
    const auto inode = files.find(where);
    if (!inode || inode->is_directory()) {
        throw std::runtime_error("coir: Files::read: there is no file '" + where + "'");
    }
    return inode->bytes;
}

bool Files::exists(std::string_view path) {
    const FileSystem& files = files_of("exists");
    return files.find(located(files, path, "exists")) != nullptr;
}

std::vector<std::string> Files::list() { return files_of("list").files(); }
void Files::limit_space(std::uint64_t bytes) { files_of("limit_space").limit_space(bytes); }
void Files::crash() { files_of("crash").crash(); }

}  // namespace testing
}  // namespace v0
}  // namespace coir
