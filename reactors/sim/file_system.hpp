// SPDX-License-Identifier: BSL-1.0
// Folders of the world: files in memory, with a disk that can be full or broken, and that forgets what was
// not synced when the power fails.
#pragma once

#include "inode.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;

constexpr std::size_t most_file_bytes = std::size_t{1} << 30;

class FileSystem {
public:
    explicit FileSystem(World& world) : world_(world) {}

    /// Makes an absolute folder the world's: empty, whatever the machine has there.
    void mount(const std::string& folder);
    /// What openat(2) and its like mean by `path`; empty: not of a mounted folder. `directory`: what a
    /// descriptor stands for, null for the working directory.
    std::optional<std::string> locate(const Inode* directory, const char* path) const;

    // As the system calls, for located paths: >= 0 or -errno.
    long open(const std::string& path, int flags, mode_t mode, std::shared_ptr<Inode>& found);
    long make_directory(const std::string& path, mode_t mode);
    long unlink(const std::string& path, int flags);
    long rename(const std::string& from, const std::string& to, unsigned flags);
    /// Null: there is none.
    std::shared_ptr<Inode> find(std::string_view path, long* error = nullptr) const;

    void limit_space(std::uint64_t bytes) noexcept { space_ = bytes; }
    /// How many more bytes fit. Files that have no name any more are not counted.
    std::size_t room() const;
    /// The power fails: each file and folder is what was synced, or something newer.
    void crash();
    std::vector<std::string> files() const;

private:
    struct Mount {
        std::string path;
        std::shared_ptr<Inode> root;
    };
    void lose_newest(Inode& file);
    const Mount* mount_of(std::string_view path) const noexcept;
    /// The folder that `path` is in, and its last name.
    std::shared_ptr<Inode> parent_of(const std::string& path, std::string& name, long& error) const;

    World& world_;
    std::vector<Mount> mounts_;
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};
    std::uint64_t space_ = unlimited;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
