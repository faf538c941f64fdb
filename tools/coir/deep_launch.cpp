// SPDX-License-Identifier: BSL-1.0
#include "deep_launch.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "audit/legacy_table.hpp"
#include "legacy_launch.hpp"
#include "text.hpp"

namespace coir_tool {

namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// Keys are the thread's own already.
std::vector<std::string> needed_categories() {
    std::vector<std::string> categories = legacy_categories();
    std::erase(categories, "keys");
    return categories;
}

std::vector<std::string> words_of(const std::string& list) {
    if (!is_flag_alone(list)) return split_list("--legacy", list);
    const char* variable = std::getenv("COIR_LEGACY");
    if (!variable || !*variable) return {"all"};
    std::vector<std::string> words = split_list("COIR_LEGACY", variable);
    // A command within a command finds what the outer one has written out.
    std::vector<std::string> needed = needed_categories();
    const auto given = [&](const std::string& word) { return contains(words, word); };
    if (!std::all_of(needed.begin(), needed.end(), given)) return words;
    std::erase_if(words, [&](const std::string& word) { return contains(needed, word); });
    words.insert(words.begin(), "all");
    return words;
}

}  // namespace

void check_threads_as_tasks(const RunOptions& options) {
    if (!options.legacy) {
        throw UsageError(
            "--threads-as-tasks belongs to --legacy: coir run --legacy --threads-as-tasks");
    }
    const std::vector<std::string> words = words_of(*options.legacy);
    std::vector<std::string> allowed = optional_legacy_categories();
    allowed.insert(allowed.begin(), "all");
    for (const std::string& word : words) {
        if (contains(allowed, word) && contains(words, "all")) continue;
        throw UsageError(
            "--threads-as-tasks goes with all of --legacy, got " +
            (is_flag_alone(*options.legacy) ? std::string("COIR_LEGACY=") + std::getenv("COIR_LEGACY")
                                            : "--legacy=" + *options.legacy) +
            "; allowed is all, with " + listed(optional_legacy_categories()) +
            " beside it: a thread that is a task must be able to wait in every call");
    }
}

std::string categories_for_threads(const std::string& list) {
    std::string categories;
    const std::vector<std::string> words = words_of(list);
    for (const std::string& category : needed_categories()) {
        categories += (categories.empty() ? "" : ",") + category;
    }
    for (const std::string& category : optional_legacy_categories()) {
        if (contains(words, category)) categories += "," + category;
    }
    return categories;
}

std::string deep_library_for(const std::string& program) {
    const std::string name = "libcoir-deep.so." COIR_SO_VERSION;
    const std::string path = find_library_of_coir(name, "deep");
    if (path.empty()) {
        throw CommandError(
            exit_unavailable,
            name +
                " is not found beside libcoir.so or this command: --threads-as-tasks is "
                "there on x86-64 with glibc only, where it was built (-Ddeep) and installed");
    }
    if (uses_libcoir(program)) {
        throw UsageError(
            in_quotes(program) +
            " uses libcoir and has tasks of its own; --threads-as-tasks is for programs that "
            "know nothing of it: use --legacy alone");
    }
    return path;
}

}  // namespace coir_tool
