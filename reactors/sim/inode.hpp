// SPDX-License-Identifier: BSL-1.0
// A file or folder of the world's, apart from its names and from who has it open.
#pragma once

#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <sys/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

struct Inode {
    using Entries = std::map<std::string, std::shared_ptr<Inode>>;

    Inode(std::uint64_t of_number, mode_t of_mode, TimePoint now)
        : number(of_number), mode(of_mode), changed_at(now) {}
    bool is_directory() const noexcept { return S_ISDIR(mode); }
    /// Of a folder.
    std::string path() const {
        const auto above = parent.lock();
        return above ? above->path() + '/' + name : name;
    }

    const std::uint64_t number;
    mode_t mode;
    TimePoint changed_at;
    std::weak_ptr<Inode> parent;  ///< of a folder; none: it is a mounted one
    std::string name;             ///< of a folder, in its parent; of a mounted one the whole path
    std::string bytes;    ///< of a file
    std::string durable;  ///< of these, what a failing power leaves
    Entries entries;      ///< of a folder
    Entries durable_entries;
    unsigned links = 0;   ///< names that it has
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
