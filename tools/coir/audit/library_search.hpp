// SPDX-License-Identifier: BSL-1.0
// Where the dynamic linker would find the libraries that a file needs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "elf_file.hpp"
#include "library_cache.hpp"

namespace coir_tool {

class LibrarySearch {
public:
    /// Reads the system's cache, and LD_LIBRARY_PATH.
    LibrarySearch();
    LibrarySearch(LibraryCache cache, std::string environment)
        : cache_(std::move(cache)), environment_(std::move(environment)) {}

    /// The file of that name for `from`, which lies at `path`: its DT_RPATH, LD_LIBRARY_PATH, its
    /// DT_RUNPATH, the cache, the default folders; for the same processor only. Run paths of
    /// programs that load `from` are not known here.
    std::optional<std::string> find(const std::string& name, const ElfFile& from,
                                    const std::string& path) const;

private:
    LibraryCache cache_;
    std::string environment_;
};

/// Whether it is a part of libc, which is replaced or jumped over, and not looked into: libc, libm,
/// the dynamic linker, and what older programs have apart from libc.
bool is_part_of_libc(std::string_view soname);

struct Dependency {
    std::string path;
    std::string needed_by;
};
struct Dependencies {
    std::vector<Dependency> found;    ///< nearest first; each file once
    std::vector<Dependency> missing;  ///< by name
};
/// What `roots` need, directly and indirectly, but for parts of libc, and for what `skip` is true.
/// A file among it that cannot be read is found, and reported by whoever reads it.
Dependencies find_dependencies(const std::vector<std::string>& roots, const LibrarySearch& search,
                               const std::function<bool(std::string_view)>& skip);

}  // namespace coir_tool
