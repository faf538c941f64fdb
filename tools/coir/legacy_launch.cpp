// SPDX-License-Identifier: BSL-1.0
#include "legacy_launch.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <coir/version.hpp>
#include <cstdlib>
#include <cstring>

#include "audit/audit.hpp"
#include "audit/audit_risks.hpp"
#include "audit/legacy_table.hpp"
#include "audit/library_search.hpp"
#include "own_folder.hpp"
#include "text.hpp"

namespace coir_tool {
namespace {

// The folder of the libcoir that this process has loaded; of the command, when it contains it.
std::string folder_of_libcoir() {
    Dl_info info{};
    const auto address = reinterpret_cast<const void*>(&coir::version);
    if (::dladdr(address, &info) == 0 || !info.dli_fname) return {};
    return folder_of(real_path(info.dli_fname));
}

[[noreturn]] void refuse(const std::string& program, const std::string& why) {
    throw CommandError(exit_not_executable, in_quotes(program) + " " + why);
}

// A script is run by its interpreter.
std::string interpreter_of(const std::string& program) {
    try {
        const FileBytes file(program);
        const std::string head =
            file.read(0, std::min<std::uint64_t>(256, file.size()), "its first line");
        if (!head.starts_with("#!")) return {};
        const std::size_t begin = head.find_first_not_of(" \t", 2);
        if (begin == std::string::npos) return {};
        return head.substr(begin, head.find_first_of(" \t\n", begin) - begin);
    } catch (const BadFile& error) {
        refuse(program, std::string("cannot be looked at: ") + error.what());
    }
}

bool needs_libcoir(const std::vector<std::string>& needed) {
    return std::any_of(needed.begin(), needed.end(), [](const std::string& name) {
        return name.starts_with("libcoir.so") || name.starts_with("libcoir-legacy.so");
    });
}

// The debug table of libcoir.a has a section of its own.
bool contains_libcoir(const ElfFile& elf) {
    return std::find(elf.sections.begin(), elf.sections.end(), ".coir_debug") != elf.sections.end();
}

// What a program loads at run time cannot be seen; but it must have the name somewhere.
bool may_load_libcoir(const ElfFile& elf, const FileBytes& file) {
    const bool loads =
        std::any_of(elf.symbols.begin(), elf.symbols.end(), [](const ElfSymbol& symbol) {
            return !symbol.defined && (symbol.name == "dlopen" || symbol.name == "dlmopen");
        });
    return loads && file.read(0, file.size(), "the file").find("libcoir") != std::string::npos;
}

bool links_libcoir(const std::string& path, const ElfFile& elf) {
    if (needs_libcoir(elf.needed)) return true;
    bool found = false;
    const auto look = [&](std::string_view name) {
        found = found || needs_libcoir({std::string(name)});
        return found;  // no need to go on
    };
    find_dependencies({path}, LibrarySearch(), look);
    return found;
}

void check_uses_tasks(const std::string& program, const ElfFile& elf, const FileBytes& file) {
    if (links_libcoir(file.path(), elf)) return;
    if (contains_libcoir(elf) && contains_legacy(elf)) {
        refuse(program,
               "contains libcoir-legacy.a and libcoir.a: its calls suspend tasks as it is; run it "
               "without --legacy");
    }
    if (contains_libcoir(elf)) {
        refuse(program,
               "contains libcoir.a, whose tasks do not see a library that is preloaded: link "
               "libcoir.so, or libcoir-legacy.a into it");
    }
    if (may_load_libcoir(elf, file)) return;
    throw UsageError(in_quotes(program) +
                     " does not use libcoir, so it has no tasks that could wait in place of its "
                     "threads; --force runs it all the same");
}

}  // namespace

OptionText legacy_categories_for(const std::string& list) {
    if (list == "all") return std::nullopt;
    std::vector<std::string> known = legacy_categories();
    for (std::string& word : optional_legacy_categories()) known.push_back(std::move(word));
    known.push_back("all");
    for (const std::string& word : split_list("--legacy", list)) {
        if (std::find(known.begin(), known.end(), word) != known.end()) continue;
        throw UsageError("--legacy: unknown category " + in_quotes(word) +
                         "; allowed is a list of " + listed(known) +
                         did_you_mean(word, known));
    }
    return list;
}

std::string find_legacy_library() {
    const std::string name = "libcoir-legacy.so." COIR_SO_VERSION;
    const std::string path = find_library_of_coir(name, "legacy");
    if (!path.empty()) return path;
    throw CommandError(exit_failure,
                       name + " is not found beside libcoir.so or this command; is it installed?");
}

std::string find_library_of_coir(const std::string& name, const std::string& folder) {
    const std::string command = folder_of_command();
    const std::string library = folder_of_libcoir();
    const std::string candidates[] = {
        library + "/" + name,  // installed: beside libcoir.so
        command + "/" COIR_LIBDIR_FROM_BINDIR "/" +
            name,                                // installed: the command contains libcoir
        command + "/../runtime/" + folder + "/" + name,  // the build tree
    };
    for (const std::string& candidate : candidates) {
        const std::string path = real_path(candidate);
        if (path.empty()) continue;
        if (path.find_first_of(" :\t") != std::string::npos) {
            throw CommandError(exit_failure,
                               in_quotes(path) +
                                   " cannot be preloaded: LD_PRELOAD takes no path with a "
                                   "space or a colon");
        }
        return path;
    }
    return {};
}

std::string find_program(const std::string& name) {
    const auto fail = [&](int error) {
        const bool missing = error == ENOENT || error == ENOTDIR;
        throw CommandError(missing ? exit_not_found : exit_not_executable,
                           in_quotes(name) + " cannot be run: " + std::strerror(error));
    };
    const auto error_of = [](const std::string& path) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) return errno;
        if (!S_ISREG(status.st_mode)) return EACCES;
        return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
    };
    if (name.find('/') != std::string::npos) {
        if (const int error = error_of(name)) fail(error);
        return name;
    }
    const char* variable = std::getenv("PATH");
    std::string rest = variable ? variable : "/bin:/usr/bin";
    int worst = ENOENT;
    for (std::size_t at = 0; at <= rest.size();) {
        const std::size_t end = std::min(rest.find(':', at), rest.size());
        const std::string folder = end == at ? "." : rest.substr(at, end - at);
        const int error = error_of(folder + "/" + name);
        if (error == 0) return folder + "/" + name;
        if (error == EACCES) worst = EACCES;
        at = end + 1;
    }
    fail(worst);
    return {};
}

void check_preloadable(const std::string& program, const std::string& library, bool force) {
    std::string path = program;
    if (const std::string interpreter = interpreter_of(program); !interpreter.empty()) {
        path = interpreter;
    }
    const std::string shown = path == program ? program : program + " (run by " + path + ")";
    try {
        const FileBytes file(path);
        if (is_privileged(file)) {
            refuse(shown,
                   "has a set-user-ID or set-group-ID bit or file capabilities: LD_PRELOAD is "
                   "ignored for it");
        }
        const ElfFile elf = read_elf(file);
        const ElfFile legacy = read_elf(FileBytes(library));
        if (elf.machine != legacy.machine) {
            refuse(shown, std::string("is for ") + machine_name(elf.machine) +
                              ", and libcoir-legacy for " + machine_name(legacy.machine));
        }
        if (elf.kind == ElfKind::static_program) {
            refuse(shown, "is linked statically: nothing can be preloaded into it");
        }
        if (elf.kind == ElfKind::library && elf.interpreter.empty()) {
            refuse(shown, "is a shared library, and not a program");
        }
        if (!force) check_uses_tasks(shown, elf, file);
    } catch (const BadFile& error) {
        refuse(shown, std::string("cannot be given libcoir-legacy: it ") + error.what());
    }
}

bool uses_libcoir(const std::string& program) {
    const std::string interpreter = interpreter_of(program);
    try {
        const FileBytes file(interpreter.empty() ? program : interpreter);
        const ElfFile elf = read_elf(file);
        return contains_libcoir(elf) || links_libcoir(file.path(), elf);
    } catch (const BadFile& error) {
        refuse(program, std::string("cannot be looked at: ") + error.what());
    }
}

std::string preload_with(const char* present, const std::string& library) {
    const std::string list = present ? present : "";
    if (list.empty()) return library;
    // Whoever runs `coir run` within `coir run` gets it once.
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find_first_of(" :", at), list.size());
        if (list.compare(at, end - at, library) == 0) return list;
        at = end + 1;
    }
    return list + ":" + library;
}

}  // namespace coir_tool
