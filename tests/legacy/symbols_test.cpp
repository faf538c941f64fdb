// SPDX-License-Identifier: BSL-1.0
// The table of symbols against the built libraries.
#include "probes.hpp"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "runtime/legacy/symbols.hpp"

using namespace legacy_test;

namespace {

const std::set<std::string> table = {
#define COIR_LEGACY_NAME(symbol, ...) #symbol,
    COIR_LEGACY_SYMBOLS(COIR_LEGACY_NAME)
    COIR_LEGACY_VARIADIC_SYMBOLS(COIR_LEGACY_NAME)
    COIR_LEGACY_HANDLER_SYMBOLS(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
};

const std::set<std::string> name_services = {
#define COIR_LEGACY_NAME(symbol, ...) #symbol,
    COIR_LEGACY_NAME_SYMBOLS(COIR_LEGACY_NAME)
#undef COIR_LEGACY_NAME
};

// The names that `nm -D OPTION` prints for a library, without their versions. Empty: no nm.
std::set<std::string> names(const char* option, const char* library) {
    const std::string command =
        std::string("nm -D ") + option + " '" + library + "' 2>/dev/null";
    std::set<std::string> found;
    std::FILE* output = ::popen(command.c_str(), "r");
    if (!output) return found;
    char line[4096];
    while (std::fgets(line, sizeof line, output)) {
        std::istringstream words(line);
        std::string word, last;
        while (words >> word) last = word;
        found.insert(last.substr(0, last.find('@')));
    }
    ::pclose(output);
    return found;
}

}  // namespace

TEST_CASE("libcoir-legacy exports what the table says, and nothing else", "[legacy]") {
    const char* library = std::getenv("COIR_LEGACY_LIBRARY");
    if (!library) COIR_SKIP("COIR_LEGACY_LIBRARY is not set");
    const auto exported = names("--defined-only", library);
    if (exported.empty()) COIR_SKIP("nm is not there");
    auto expected = table;
    expected.insert({"coir_legacy_patch", "coir_legacy_unpatch"});
    CHECK(exported == expected);
}

TEST_CASE("the runtime's own calls do not meet the wrappers", "[legacy]") {
    const char* library = std::getenv("COIR_LIBRARY");
    if (!library) COIR_SKIP("COIR_LIBRARY is not set");
    const auto imported = names("--undefined-only", library);
    if (imported.empty()) COIR_SKIP("nm is not there");
    for (const std::string& name : imported) {
        // What a pool thread runs, where the wrapper is a jump to libc's.
        if (name_services.count(name) != 0) continue;
        // It is meant to be the task's.
        if (name == "__h_errno_location") continue;
        INFO("libcoir.so calls " << name);
        CHECK(table.count(name) == 0);
    }
}
