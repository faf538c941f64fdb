// SPDX-License-Identifier: BSL-1.0
#include "deep_launch.hpp"

#include "audit/legacy_table.hpp"
#include "legacy_launch.hpp"
#include "text.hpp"

namespace coir_tool {

void check_threads_as_tasks(const RunOptions& options) {
    if (!options.legacy) {
        throw UsageError("--threads-as-tasks belongs to --legacy: coir run --legacy --threads-as-tasks");
    }
    // "true" is what the command line makes of a flag without a value.
    if (*options.legacy != "all" && *options.legacy != "true") {
        throw UsageError("--threads-as-tasks goes with all of --legacy, got --legacy=" + *options.legacy +
                         ": a thread that is a task must be able to wait in every call");
    }
}

std::string categories_for_threads() {
    std::string list;
    for (const std::string& category : legacy_categories()) {
        if (category == "keys") continue;
        list += (list.empty() ? "" : ",") + category;
    }
    return list;
}

std::string deep_library_for(const std::string& program) {
    const std::string name = "libcoir-deep.so." COIR_SO_VERSION;
    const std::string path = find_library_of_coir(name, "deep");
    if (path.empty()) {
        throw CommandError(exit_unavailable,
                           name + " is not found beside libcoir.so or this command: --threads-as-tasks is "
                                  "there on x86-64 with glibc only, where it was built (-Ddeep) and installed");
    }
    if (uses_libcoir(program)) {
        throw UsageError(in_quotes(program) +
                         " uses libcoir and has tasks of its own; --threads-as-tasks is for programs that "
                         "know nothing of it: use --legacy alone");
    }
    return path;
}

}  // namespace coir_tool
