// SPDX-License-Identifier: BSL-1.0
// Files of a simulated world: they are what Linux's are, and their disk fails as it is told.
#include "calls.hpp"
#include "same_as_linux.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <cerrno>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace testing = coir::testing;
using coir_test::Calls;

namespace {

// Calls below one folder, by names.
struct Folder {
    Calls& calls;
    std::string path;

    std::string at(const char* name) const { return path + "/" + name; }
    int open(const char* what, const char* name, int flags) const {
        const long fd = calls.sys()(SYS_openat, AT_FDCWD, at(name).c_str(), flags | O_CLOEXEC, 0644);
        calls.note(what, fd < 0 ? fd : 0);
        return calls.keep(static_cast<int>(fd));
    }
    void unlink(const char* name, int flags = 0) const {
        calls.note(name, calls.sys()(SYS_unlinkat, AT_FDCWD, at(name).c_str(), flags));
    }
    void mkdir(const char* name) const {
        calls.note(name, calls.sys()(SYS_mkdirat, AT_FDCWD, at(name).c_str(), 0755));
    }
    void rename(const char* from, const char* to, unsigned flags = 0) const {
        calls.note(from, calls.sys()(SYS_renameat2, AT_FDCWD, at(from).c_str(), AT_FDCWD,
                                     at(to).c_str(), flags));
    }
    void stat(const char* name) const {
        struct stat status {};
        const long result = calls.sys()(SYS_newfstatat, AT_FDCWD, at(name).c_str(), &status, 0);
        calls.note(name, result);
        if (result < 0) return;
        calls.note("kind", static_cast<long>(status.st_mode & S_IFMT));
        if (S_ISREG(status.st_mode)) calls.note("size", status.st_size);
    }
    void names(const char* name) const {
        const int fd = open("open to list", name, O_RDONLY | O_DIRECTORY);
        char buffer[4096];
        const long size = calls.sys()(SYS_getdents64, fd, &buffer[0], sizeof buffer);
        std::set<std::string> found;
        for (long at = 0; at < size;) {
            std::uint16_t length = 0;
            std::memcpy(&length, buffer + at + 16, sizeof length);
            found.insert(buffer + at + 19);
            at += length;
        }
        found.erase(".");
        found.erase("..");
        for (const std::string& each : found) calls.remark(each);
        if (size < 0) calls.note("list", size);
    }
};

template <class Script>
void same_in_a_folder(Script script) {
    const coir_test::TemporaryFolder folder;
    coir_test::same_as_linux([&](Calls& calls) { script(Folder{calls, folder.path()}); },
                             [&](coir::detail::sim::World& world) { world.files.mount(folder.path()); });
}

testing::SimOptions without_faults() {
    testing::SimOptions options;
    options.faults.emplace();
    return options;
}

constexpr const char* ledger = "/world/ledger";

}  // namespace

TEST_CASE("files as Linux: opening, and what is not there", "[files][linux]") {
    same_in_a_folder([](const Folder& f) {
        f.open("nothing", "a", O_RDONLY);
        f.open("made", "a", O_RDWR | O_CREAT);
        f.open("made only once", "a", O_RDWR | O_CREAT | O_EXCL);
        f.open("below a file", "a/b", O_RDONLY);
        f.open("below nothing", "x/b", O_RDWR | O_CREAT);
        f.open("a file as a folder", "a", O_RDONLY | O_DIRECTORY);
        f.open("a folder to write to", ".", O_RDWR);
        f.open("dots", "./x/../a", O_RDONLY);
        f.stat("a");
        f.stat("b");
        f.stat(".");
    });
}

TEST_CASE("files as Linux: bytes at places", "[files][linux]") {
    same_in_a_folder([](const Folder& f) {
        Calls& c = f.calls;
        const int fd = f.open("made", "a", O_RDWR | O_CREAT);
        c.note("write", c.sys().write(fd, "hallo", 5));
        char buffer[16] = {};
        c.note("at the end", c.sys().read(fd, buffer, sizeof buffer));
        c.note("seek", c.sys()(SYS_lseek, fd, 1L, SEEK_SET));
        c.note("read", c.sys().read(fd, buffer, 3));
        c.remark(std::string(buffer, 3));
        c.note("before the beginning", c.sys()(SYS_lseek, fd, -9L, SEEK_CUR));
        c.note("beyond", c.sys()(SYS_pwrite64, fd, "x", 1, 9L));
        f.stat("a");
        c.note("the hole", c.sys()(SYS_pread64, fd, &buffer[0], 16, 4L));
        c.remark(std::string(buffer, 6));
        c.note("shorter", c.sys()(SYS_ftruncate, fd, 2L));
        c.note("what is left", c.sys()(SYS_pread64, fd, &buffer[0], 16, 0L));
        c.note("a negative place", c.sys()(SYS_pread64, fd, &buffer[0], 16, -1L));
        const int end = f.open("to append", "a", O_WRONLY | O_APPEND);
        c.note("append", c.sys().write(end, "!", 1));
        c.note("not for reading", c.sys().read(end, buffer, 1));
        const int reader = f.open("to read", "a", O_RDONLY);
        c.note("not for writing", c.sys().write(reader, "x", 1));
        c.note("nor shorter", c.sys()(SYS_ftruncate, reader, 0L));
        c.note("fsync", c.sys()(SYS_fsync, reader));
        f.open("emptied", "a", O_WRONLY | O_TRUNC);
        f.stat("a");
    });
}

TEST_CASE("files as Linux: names", "[files][linux]") {
    same_in_a_folder([](const Folder& f) {
        f.mkdir("d");
        f.mkdir("d");
        f.mkdir("x/y");
        f.open("made", "d/a", O_RDWR | O_CREAT);
        f.open("made", "b", O_RDWR | O_CREAT);
        f.names(".");
        f.names("d");
        f.unlink("d");
        f.unlink("d", AT_REMOVEDIR);
        f.unlink("b", AT_REMOVEDIR);
        f.rename("d/a", "c");
        f.rename("c", "b", RENAME_NOREPLACE);
        f.rename("c", "b");
        f.rename("b", "d");
        f.rename("d", "b");
        f.rename("d", "d/e");
        f.rename("nothing", "e");
        f.rename("d", "e");
        f.names(".");
        f.unlink("e", AT_REMOVEDIR);
        f.unlink("b");
        f.names(".");
    });
}

TEST_CASE("a program's files are in memory", "[files]") {
    testing::for_each_seed(40, [] {
        testing::Files::mount("/world");
        testing::Files::write("/world/in/a", "hallo");
        coir::run([] {
            const auto& faults = testing::current_faults();
            if (faults.no_space > 0 || faults.bad_disk > 0) return;
            CHECK(coir::read_file("/world/in/a") == "hallo");
            coir::write_file("/world/b", std::string(100'000, 'x'));
            coir::write_file("/world/b", "y", {.atomic = true});
            CHECK(coir::list_dir("/world").size() == 2);
            auto file = coir::File::open("/world/b", O_RDWR);
            CHECK(file.read(10) == "y");
            file.write("z");
            file.fsync();
            file.close();
            CHECK(coir::stat("/world/b").st_size == 2);
            coir::rename("/world/b", "/world/in/c");
            CHECK_THROWS_AS(coir::read_file("/world/b"), coir::IoError);
        });
        CHECK(testing::Files::exists("/world/in"));
        CHECK_THROWS_AS(testing::Files::read("/world/nothing"), std::runtime_error);
        CHECK_THROWS_AS(testing::Files::write("/elsewhere", ""), std::invalid_argument);
        CHECK_THROWS_AS(testing::Files::mount("world"), std::invalid_argument);
    });
    CHECK_THROWS_AS(testing::Files::exists("/world"), std::logic_error);
}

TEST_CASE("a full disk, and one that fails", "[files]") {
    testing::SimOptions options = without_faults();
    testing::simulate(options, [] {
        testing::Files::mount("/world");
        testing::Files::limit_space(1000);
        coir::run([] {
            coir::write_file("/world/a", std::string(900, 'x'));
            try {
                coir::write_file("/world/b", std::string(900, 'x'));
                FAIL("the disk is full");
            } catch (const coir::IoError& error) {
                CHECK(error.code().value() == ENOSPC);
            }
            coir::remove("/world/a");
            coir::write_file("/world/b", std::string(900, 'x'));
        });
    });
    options.faults->bad_disk = 0.2;
    int failed = 0;
    for (options.seed = 0; options.seed < 50; ++options.seed) {
        testing::simulate(options, [&failed] {
            testing::Files::mount("/world");
            coir::run([&failed] {
                try {
                    coir::write_file(ledger, "abc", {.atomic = true});
                } catch (const coir::IoError& error) {
                    ++failed;
                    CHECK(error.code().value() == EIO);
                    CHECK(testing::Files::list().empty());  // the new name has gone
                }
            });
        });
    }
    CHECK(failed > 5);
}

TEST_CASE("after a crash an atomic write is whole, and another may not be", "[files]") {
    std::set<std::string> atomic;
    std::set<std::string> plain;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        testing::SimOptions options = without_faults();
        options.seed = seed;
        testing::simulate(options, [&] {
            testing::Files::mount("/world");
            testing::Files::write(ledger, "old");
            testing::Files::write("/world/plain", "old");
            coir::run([] {
                coir::write_file(ledger, "new", {.atomic = true});
                coir::write_file("/world/plain", "new");
            });
            testing::Files::crash();
            atomic.insert(testing::Files::read(ledger));
            plain.insert(testing::Files::read("/world/plain"));
            auto file = testing::Files::list();
            CHECK(file.size() <= 3);
        });
    }
    CHECK(atomic == std::set<std::string>{"old", "new"});
    CHECK(plain.count("old") + plain.count("new") == 2);
    CHECK(plain.count("") == 1);
    CHECK(plain.size() > 3);  // a part of it
}

TEST_CASE("the same seed does the same with files", "[files]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        const auto run = [seed] {
            testing::SimOptions options;
            options.seed = seed;
            return testing::simulate(options, [] {
                testing::Files::mount("/world");
                coir::run([] {
                    std::vector<coir::Task<void>> tasks;
                    for (int i = 0; i < 5; ++i) {
                        tasks.push_back(coir::create_task([i] {
                            const std::string path = "/world/" + std::to_string(i);
                            try {
                                coir::write_file(path, std::string(5000, 'x'), {.atomic = i % 2 == 0});
                                static_cast<void>(coir::read_file(path));
                            } catch (const coir::IoError&) {
                            }
                        }));
                    }
                    for (auto& task : tasks) coir::await(task);
                });
            });
        };
        const auto first = run();
        CHECK(first.hash == run().hash);
        CHECK(first.open_descriptors == 0);
    }
}
