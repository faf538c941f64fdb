// SPDX-License-Identifier: BSL-1.0
#include "library_search.hpp"

#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <set>
#include <utility>

namespace coir_tool {
namespace {

std::vector<std::string> split_path(std::string_view text) {
    std::vector<std::string> folders;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(":;"), text.size());
        if (end > 0) folders.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return folders;
}

std::string real_folder_of(const std::string& path) {
    char* real = ::realpath(path.c_str(), nullptr);
    const std::string whole = real ? real : path;
    std::free(real);
    const std::size_t slash = whole.rfind('/');
    return slash == std::string::npos ? "." : whole.substr(0, slash);
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

std::vector<std::string> run_path(const std::string& text, const std::string& path) {
    std::vector<std::string> folders = split_path(text);
    for (std::string& folder : folders) {
        for (const char* word : {"$ORIGIN", "${ORIGIN}"})
            replace_all(folder, word, real_folder_of(path));
        for (const char* word : {"$LIB", "${LIB}"}) replace_all(folder, word, "lib");
    }
    return folders;
}

std::vector<std::string> default_folders(unsigned machine) {
    const std::string triplet = machine == EM_AARCH64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    return {"/lib/" + triplet, "/usr/lib/" + triplet,     "/lib64", "/usr/lib64", "/lib",
            "/usr/lib",        "/usr/" + triplet + "/lib"};
}

// The dynamic linker passes over what is for another processor.
bool is_for(const std::string& path, unsigned machine) {
    try {
        return read_elf(FileBytes(path)).machine == machine;
    } catch (const BadFile&) {
        // Something is there; whoever reads it will say what is wrong with it.
        struct stat status {};
        return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
    }
}

std::string read_whole(const char* path) {
    try {
        const FileBytes file(path);
        return file.read(0, file.size(), "the cache");
    } catch (const BadFile&) {
        return {};
    }
}

}  // namespace

LibrarySearch::LibrarySearch() : cache_(parse_library_cache(read_whole("/etc/ld.so.cache"))) {
    if (const char* value = std::getenv("LD_LIBRARY_PATH")) environment_ = value;
}

std::optional<std::string> LibrarySearch::find(const std::string& name, const ElfFile& from,
                                               const std::string& path) const {
    const auto usable = [&](const std::string& candidate) {
        return is_for(candidate, from.machine);
    };
    if (name.find('/') != std::string::npos) {
        return usable(name) ? std::optional(name) : std::nullopt;
    }
    std::vector<std::string> candidates;
    const auto add = [&](const std::vector<std::string>& folders) {
        for (const std::string& folder : folders) candidates.push_back(folder + "/" + name);
    };
    if (from.runpath.empty()) add(run_path(from.rpath, path));
    add(split_path(environment_));
    add(run_path(from.runpath, path));
    if (const auto known = cache_.find(name); known != cache_.end()) {
        candidates.insert(candidates.end(), known->second.begin(), known->second.end());
    }
    add(default_folders(from.machine));
    const auto found = std::find_if(candidates.begin(), candidates.end(), usable);
    return found == candidates.end() ? std::nullopt : std::optional(*found);
}

bool is_part_of_libc(std::string_view soname) {
    static constexpr std::string_view parts[] = {
        "libc.so.",   "libm.so.",      "libpthread.so.", "libdl.so.", "librt.so.", "libutil.so.",
        "libanl.so.", "libresolv.so.", "libmvec.so.",    "ld-linux",  "ld64",      "linux-vdso"};
    return std::any_of(std::begin(parts), std::end(parts),
                       [&](std::string_view part) { return soname.starts_with(part); });
}

Dependencies find_dependencies(const std::vector<std::string>& roots, const LibrarySearch& search,
                               const std::function<bool(std::string_view)>& skip) {
    Dependencies result;
    std::set<std::pair<dev_t, ino_t>> seen;
    std::set<std::string> missing;
    const auto is_new = [&](const FileBytes& file) {
        return seen.emplace(file.status().st_dev, file.status().st_ino).second;
    };
    std::deque<std::string> waiting(roots.begin(), roots.end());
    while (!waiting.empty()) {
        const std::string path = waiting.front();
        waiting.pop_front();
        try {
            const FileBytes file(path);
            if (!is_new(file)) continue;
            const ElfFile elf = read_elf(file);
            for (const std::string& name : elf.needed) {
                if (is_part_of_libc(name) || skip(name)) continue;
                if (const auto found = search.find(name, elf, path)) {
                    waiting.push_back(*found);
                    result.found.push_back({*found, path});
                } else if (missing.insert(name).second) {
                    result.missing.push_back({name, path});
                }
            }
        } catch (const BadFile&) {
        }
    }
    // The same file under several names, and the roots themselves, once.
    std::set<std::pair<dev_t, ino_t>> listed;
    const auto repeated = [&](const std::string& path) {
        struct stat status {};
        return ::stat(path.c_str(), &status) == 0 &&
               !listed.emplace(status.st_dev, status.st_ino).second;
    };
    for (const std::string& root : roots) repeated(root);
    std::erase_if(result.found, [&](const Dependency& each) { return repeated(each.path); });
    return result;
}

}  // namespace coir_tool
