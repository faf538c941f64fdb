// SPDX-License-Identifier: BSL-1.0
// list_dir, rename, remove, mkdir.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <coir/coir.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using coir_test::content_of;
using coir_test::io_error_of;
using coir_test::make_file;
using coir_test::run_in_loop;
using coir_test::TemporaryFolder;

TEST_CASE("list_dir: all names, sorted, with their types", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    make_file(folder / "b", "x");
    make_file(folder / ".hidden", "x");
    REQUIRE(::mkdir((folder / "a").c_str(), 0700) == 0);
    REQUIRE(::symlink("nowhere", (folder / "link").c_str()) == 0);
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    run_in_loop([&] {
        const auto entries = coir::list_dir(folder.path());
        REQUIRE(entries.size() == 5);
        const std::vector<std::pair<std::string, coir::FileType>> expected = {
            {".hidden", coir::FileType::regular}, {"a", coir::FileType::directory},
            {"b", coir::FileType::regular},       {"fifo", coir::FileType::fifo},
            {"link", coir::FileType::symlink}};
        for (std::size_t i = 0; i < 5; ++i) {
            CHECK(entries[i].name == expected[i].first);
            CHECK(entries[i].type == expected[i].second);
        }
        CHECK(coir::list_dir(folder / "a").empty());
        CHECK(io_error_of([&] { coir::list_dir(folder / "b"); }) == ENOTDIR);
        CHECK(io_error_of([&] { coir::list_dir(folder / "absent"); }) == ENOENT);

        // More than one buffer of the kernel's.
        std::vector<std::string> names;
        for (int i = 0; i < 2000; ++i) {
            names.push_back("file with a rather long name, number " + std::to_string(i));
            make_file(folder / "a/" + names.back(), "");
        }
        std::sort(names.begin(), names.end());
        const auto many = coir::list_dir(std::filesystem::path(folder / "a"));
        REQUIRE(many.size() == names.size());
        CHECK(std::equal(many.begin(), many.end(), names.begin(),
                         [](const coir::DirEntry& entry, const std::string& name) {
                             return entry.name == name && entry.type == coir::FileType::regular;
                         }));
    });
}

TEST_CASE("rename and remove", "[file]") {
    TemporaryFolder folder;
    make_file(folder / "a", "first");
    make_file(folder / "b", "second");
    REQUIRE(::mkdir((folder / "directory").c_str(), 0700) == 0);
    REQUIRE(::symlink("b", (folder / "link").c_str()) == 0);
    run_in_loop([&] {
        coir::rename(folder / "a", folder / "b");
        CHECK(content_of(folder / "b") == "first");
        CHECK(io_error_of([&] { coir::rename(folder / "a", folder / "c"); }) == ENOENT);
        try {
            coir::rename(folder / "a", folder / "c");
        } catch (const coir::IoError& error) {
            const std::string text = error.what();
            CHECK(error.operation() == "rename");
            CHECK(text.find(folder / "a") != std::string::npos);
            CHECK(text.find(folder / "c") != std::string::npos);
        }
        CHECK(io_error_of([&] { coir::rename(folder / "b", folder / "directory"); }) == EISDIR);
        coir::remove(folder / "link");
        CHECK(content_of(folder / "b") == "first");
        make_file(folder / "directory/in it", "x");
        CHECK(io_error_of([&] { coir::remove(folder / "directory"); }) == ENOTEMPTY);
        coir::remove(folder / "directory/in it");
        coir::remove(folder / "directory");
        coir::remove(folder / "b");
        CHECK(io_error_of([&] { coir::remove(folder / "b"); }) == ENOENT);
        CHECK(coir::list_dir(folder.path()).empty());
        for (const std::string& bad : {std::string(), std::string("a\0b", 3), std::string(5000, 'x')}) {
            CHECK_THROWS_AS(coir::rename(bad, "x"), std::invalid_argument);
            CHECK_THROWS_AS(coir::rename("x", bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::remove(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::mkdir(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::list_dir(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::stat(bad), std::invalid_argument);
        }
    });
}

TEST_CASE("mkdir, with and without parents", "[file]") {
    TemporaryFolder folder;
    run_in_loop([&] {
        coir::mkdir(folder / "a", {.mode = 0710});
        const mode_t mask = ::umask(0);
        ::umask(mask);
        CHECK((coir::stat(folder / "a").st_mode & 07777) == (0710 & ~mask));
        CHECK(io_error_of([&] { coir::mkdir(folder / "a"); }) == EEXIST);
        CHECK(io_error_of([&] { coir::mkdir(folder / "x/y"); }) == ENOENT);
        coir::mkdir(folder / "x/y//z/", {.parents = true});
        CHECK(S_ISDIR(coir::stat(folder / "x/y/z").st_mode));
        coir::mkdir(folder / "x/y/z", {.parents = true});
        coir::mkdir("/", {.parents = true});
        make_file(folder / "file", "x");
        CHECK(io_error_of([&] { coir::mkdir(folder / "file", {.parents = true}); }) == EEXIST);
        CHECK(io_error_of([&] { coir::mkdir(folder / "file/in", {.parents = true}); }) == ENOTDIR);
        CHECK_THROWS_AS(coir::mkdir(folder / "m", {.mode = 010000}), std::invalid_argument);
    });
}
