// SPDX-License-Identifier: BSL-1.0
// coir run --legacy: which programs it refuses, and what it puts into their environment.
#include "legacy_launch.hpp"

#include "audit/legacy_table.hpp"
#include "audit_support.hpp"

using namespace coir_tool;
using namespace elf_test;

namespace {

// The exit status and the message; 0 when it is not refused.
struct Refusal {
    int status = 0;
    std::string message = {};
    bool says(std::string_view words) const { return message.find(words) != std::string::npos; }
};

class Programs {
public:
    Programs()
        : library_(folder_.write("libcoir-legacy.so", build({.soname = "libcoir-legacy.so.0"}))) {}
    Refusal check(const std::string& bytes, bool force = false, unsigned mode = 0755) {
        const std::string path = folder_.write("program", bytes);
        ::chmod(path.c_str(), mode);
        const Refusal refusal = refusal_of(path, force);
        ::unlink(path.c_str());
        return refusal;
    }
    Refusal check(const Content& content, bool force = false, unsigned mode = 0755) {
        return check(build(content), force, mode);
    }
    Folder& folder() { return folder_; }

private:
    Refusal refusal_of(const std::string& path, bool force) const {
        try {
            check_preloadable(path, library_, force);
            return {};
        } catch (const CommandError& error) {
            return {error.status(), error.what()};
        }
    }
    Folder folder_;
    std::string library_;
};

const Content linked{.needed = {"libcoir.so.0.1"}, .interpreter = "/lib/ld.so"};
const Content plain{.needed = {"libc.so.6"}, .interpreter = "/lib/ld.so"};

}  // namespace

TEST_CASE("run --legacy: a program that links libcoir, itself or through a library", "[cli]") {
    Programs programs;
    CHECK(programs.check(linked).status == 0);
    programs.folder().write("libmine.so", build({.needed = {"libcoir.so.0.1"}}));
    CHECK(programs
              .check(Content{
                  .needed = {"libmine.so"}, .runpath = "$ORIGIN", .interpreter = "/lib/ld.so"})
              .status == 0);
    Content loads = plain;
    loads.imports = {{"dlopen", "GLIBC_2.34"}};
    CHECK(programs.check(loads).status == exit_usage);
    loads.code = "libcoir.so.0.1";
    CHECK(programs.check(loads).status == 0);
}

TEST_CASE("run --legacy: a program without tasks is refused unless it is forced", "[cli]") {
    Programs programs;
    const Refusal refusal = programs.check(plain);
    CHECK(refusal.status == exit_usage);
    CHECK(refusal.says("--force"));
    CHECK(programs.check(plain, true).status == 0);
    Content contains = plain;
    contains.section = ".coir_debug";
    CHECK(programs.check(contains).status == exit_not_executable);
    CHECK(programs.check(contains).says("libcoir.a"));
    contains.second_section = ".coir_legacy";
    CHECK(programs.check(contains).status == exit_not_executable);
    CHECK(programs.check(contains).says("without --legacy"));
}

TEST_CASE("run --legacy: what LD_PRELOAD cannot reach is refused, forced or not", "[cli]") {
    Programs programs;
    for (const bool force : {false, true}) {
        const auto refused = [&](const Refusal& refusal, std::string_view words) {
            INFO(refusal.message);
            return refusal.status == exit_not_executable && refusal.says(words) &&
                   refusal.message.find('\n') == std::string::npos;
        };
        CHECK(refused(programs.check(linked, force, 04755), "set-user-ID"));
        CHECK(refused(programs.check(linked, force, 02755), "set-group-ID"));
        CHECK(refused(programs.check(Content{.type = ET_EXEC, .dynamic = false}, force),
                      "linked statically"));
        CHECK(refused(programs.check(Content{.flags_1 = DF_1_PIE}, force), "linked statically"));
        Content other = linked;
        other.machine = EM_AARCH64;
        CHECK(
            refused(programs.check(other, force), "is for aarch64, and libcoir-legacy for x86-64"));
        CHECK(refused(programs.check(Content{.soname = "liba.so"}, force), "shared library"));
        std::string small = build(linked);
        small[EI_CLASS] = ELFCLASS32;
        CHECK(refused(programs.check(small, force), "32-bit"));
        CHECK(refused(programs.check(std::string("echo\n"), force), "is not an ELF file"));
    }
}

TEST_CASE("run --legacy: a script is judged by its interpreter", "[cli]") {
    Programs programs;
    const std::string path = programs.folder().write("interpreter", build(linked));
    CHECK(programs.check("#!" + path + " -x\n").status == 0);
    CHECK(programs.check("#! " + path).status == 0);
    const std::string other = programs.folder().write("other", build(plain));
    const Refusal refusal = programs.check("#!" + other + "\n");
    CHECK(refusal.status == exit_usage);
    CHECK(refusal.says("run by " + other));
    CHECK(programs.check("#!/nonexistent\n").status == exit_not_executable);
}

TEST_CASE("run --legacy: categories are those of the library's table", "[cli]") {
    CHECK_FALSE(legacy_categories_for("all"));
    for (const std::string& category : legacy_categories()) {
        CHECK(legacy_categories_for(category) == category);
    }
    CHECK(legacy_categories_for("io,sleep") == "io,sleep");
    CHECK(legacy_categories_for("all,stdio,files") == "all,stdio,files");
    for (const char* bad : {"", "io,", ",io", "IO", "life", "always", "wakes", "makes_keys", "nonsense"}) {
        INFO(bad);
        CHECK_THROWS_AS(legacy_categories_for(bad), UsageError);
    }
}

TEST_CASE("run --legacy: what is preloaded already stays, and comes first", "[cli]") {
    CHECK(preload_with(nullptr, "/l/a.so") == "/l/a.so");
    CHECK(preload_with("", "/l/a.so") == "/l/a.so");
    CHECK(preload_with("/b.so", "/l/a.so") == "/b.so:/l/a.so");
    CHECK(preload_with("/b.so:/l/a.so", "/l/a.so") == "/b.so:/l/a.so");
    CHECK(preload_with("/l/a.so /b.so", "/l/a.so") == "/l/a.so /b.so");
    CHECK(preload_with("/l/a.so.1", "/l/a.so") == "/l/a.so.1:/l/a.so");
}
