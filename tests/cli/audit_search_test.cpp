// SPDX-License-Identifier: BSL-1.0
// coir audit --deps: where the libraries that a file needs are found, as the dynamic linker does
// it.
#include "audit/library_search.hpp"
#include "audit_support.hpp"

using namespace coir_tool;
using namespace elf_test;

namespace {

const auto nothing_skipped = [](std::string_view) { return false; };

std::vector<std::string> names_in(const std::vector<Dependency>& dependencies) {
    std::vector<std::string> names;
    for (const Dependency& each : dependencies) {
        names.push_back(each.path.substr(each.path.rfind('/') + 1));
    }
    return names;
}

}  // namespace

TEST_CASE("audit: dependencies are followed by run paths, each once, libc is not", "[cli]") {
    Folder folder;
    const Content program{.needed = {"libone.so", "libtwo.so", "libc.so.6", "libgone.so.1"},
                          .runpath = "/nonexistent:$ORIGIN",
                          .interpreter = "/lib/ld.so"};
    const std::string root = folder.write("program", build(program));
    folder.write("libone.so",
                 build({.needed = {"libtwo.so", "libm.so.6"}, .runpath = "${ORIGIN}"}));
    folder.write("libtwo.so", build({.needed = {"libone.so"}, .runpath = "$ORIGIN/"}));
    const Dependencies found = find_dependencies({root}, LibrarySearch({}, ""), nothing_skipped);
    CHECK(names_in(found.found) == std::vector<std::string>{"libone.so", "libtwo.so"});
    CHECK(names_in(found.missing) == std::vector<std::string>{"libgone.so.1"});
    CHECK(found.missing[0].needed_by == root);
    const auto skip = [](std::string_view name) { return name != "libtwo.so"; };
    CHECK(names_in(find_dependencies({root}, LibrarySearch({}, ""), skip).found) ==
          std::vector<std::string>{"libtwo.so"});
}

TEST_CASE("audit: the environment, and the cache, and only the same processor", "[cli]") {
    Folder other, right;
    other.write("liba.so", build({.machine = EM_AARCH64}));
    const std::string path = right.write("liba.so", build({}));
    const Content content{.needed = {"liba.so"}};
    const std::string file = right.write("libroot.so", build(content));
    const ElfFile root = read_elf(FileBytes(file));
    CHECK_FALSE(LibrarySearch({}, "").find("liba.so", root, file));
    CHECK(LibrarySearch({}, other.path() + "::" + right.path()).find("liba.so", root, file) ==
          path);
    const LibraryCache cache = {{"liba.so", {other.path() + "/liba.so", path}}};
    CHECK(LibrarySearch(cache, "").find("liba.so", root, file) == path);
    CHECK(LibrarySearch({}, "").find(path, root, file) == path);  // a name with a slash is a path
}

TEST_CASE("audit: this machine's own cache leads to its libraries", "[cli]") {
    const LibrarySearch search;
    const FileBytes file("/proc/self/exe");
    const ElfFile self = read_elf(file);
    const auto found = search.find("libstdc++.so.6", self, "/proc/self/exe");
    REQUIRE(found);
    CHECK(read_elf(FileBytes(*found)).soname == "libstdc++.so.6");
}
