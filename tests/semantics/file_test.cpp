// SPDX-License-Identifier: BSL-1.0
// File, read_file, write_file; compared with what plain system calls see.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using coir_test::content_of;
using coir_test::io_error_of;
using coir_test::make_file;
using coir_test::pattern;
using coir_test::run_in_loop;
using coir_test::TemporaryFolder;

TEST_CASE("files: what is written is what plain calls read, and the other way round", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "data";
    const std::string bytes = pattern(3'000'000);  // several pieces, and not a whole number of pages
    run_in_loop([&] {
        auto file = coir::File::open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
        CHECK((::fcntl(file.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        file.write(bytes);
        CHECK(file.seek(0, SEEK_CUR) == bytes.size());
        CHECK(file.size() == bytes.size());
        CHECK(file.seek(-5, SEEK_END) == bytes.size() - 5);
        std::array<char, 16> tail{};
        CHECK(file.read(tail) == 5);
        CHECK(std::memcmp(tail.data(), bytes.data() + bytes.size() - 5, 5) == 0);
        CHECK(file.read(tail) == 0);
        CHECK(file.seek(0) == 0);
        CHECK((file.read(bytes.size() + 100) == bytes));
        file.write_at("spot", 70'000);
        file.fdatasync();
        file.fsync();
        file.close();
        file.close();
        CHECK(io_error_of([&] { file.read(tail); }) == EBADF);
        CHECK(file.native_handle() == -1);
    });
    std::string expected = bytes;
    expected.replace(70'000, 4, "spot");
    CHECK((content_of(path) == expected));
    struct ::stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    CHECK((status.st_mode & 07777) == (0640 & ~mask));
}

TEST_CASE("files: read_at fills the buffer unless the file ends", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "data";
    const std::string bytes = pattern(2'500'000);
    make_file(path, bytes);
    run_in_loop([&] {
        auto file = coir::File::open(path);
        for (const std::size_t size : {1u, 4096u, 65'536u, 65'537u, 1'048'577u, 2'500'000u}) {
            for (const std::size_t offset : {std::size_t{0}, std::size_t{4095}, bytes.size() - 10,
                                             bytes.size(), bytes.size() + 5}) {
                std::string buffer(size, '?');
                std::string plain(size, '?');
                const auto got = file.read_at(buffer, offset);
                const auto expected = ::pread(file.native_handle(), plain.data(), size,
                                              static_cast<off_t>(offset));
                CHECK(got == static_cast<std::size_t>(expected));
                CHECK((buffer == plain));
            }
        }
        std::array<char, 0> nothing{};
        CHECK(file.read_at(nothing, 0) == 0);
        CHECK(file.seek(0, SEEK_CUR) == 0);  // read_at leaves the position alone
    });
}

TEST_CASE("files: offsets beyond 4 GiB", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "sparse";
    constexpr std::uint64_t far = (std::uint64_t{5} << 30) + 7;
    run_in_loop([&] {
        auto file = coir::File::open(path, O_RDWR | O_CREAT);
        file.write_at("far away", far);
        CHECK(file.size() == far + 8);
        std::array<char, 8> buffer{};
        CHECK(file.read_at(buffer, far) == 8);
        CHECK(std::string_view(buffer.data(), 8) == "far away");
        CHECK(file.read_at(buffer, far - 8) == 8);
        CHECK(buffer == std::array<char, 8>{});
        file.seek(static_cast<std::int64_t>(far));
        CHECK(file.read(4) == "far ");
        file.truncate(3);
        CHECK(file.size() == 3);
        file.truncate(10);
        CHECK((coir::read_file(path) == std::string(10, '\0')));
    });
}

TEST_CASE("files: refusals name the operation and the path", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "absent";
    run_in_loop([&] {
        try {
            coir::File::open(path);
            FAIL("opened what is not there");
        } catch (const coir::IoError& error) {
            CHECK(error.code().value() == ENOENT);
            CHECK(error.operation() == "open");
            CHECK(std::string(error.what()).find(path) != std::string::npos);
        }
        CHECK(io_error_of([&] { coir::read_file(path); }) == ENOENT);
        CHECK(io_error_of([&] { coir::read_file(folder.path()); }) == EISDIR);
        CHECK(io_error_of([&] { coir::write_file(folder.path(), "x"); }) == EISDIR);
        CHECK(io_error_of([&] { coir::write_file(folder / "no/where", "x"); }) == ENOENT);
        CHECK(io_error_of([&] { coir::read_file(folder / std::string(300, 'n')); }) ==
              ENAMETOOLONG);
        make_file(path, "x");
        auto file = coir::File::open(path);
        CHECK(io_error_of([&] { file.write("y"); }) == EBADF);
        CHECK(io_error_of([&] { coir::File::open(path, O_CREAT | O_EXCL | O_WRONLY); }) == EEXIST);
        CHECK(io_error_of([&] { file.seek(-1); }) == EINVAL);
        coir::File empty;
        CHECK(io_error_of([&] { empty.size(); }) == EBADF);
        CHECK(io_error_of([&] { coir::File closed{coir::Fd(-1)}; }) == EBADF);
        const std::string nul("a\0b", 3);
        const std::string too_long(4096, 'x');
        for (const std::string& bad : {std::string(), nul, too_long}) {
            CHECK_THROWS_AS(coir::File::open(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::read_file(bad), std::invalid_argument);
            CHECK_THROWS_AS(coir::write_file(bad, "x"), std::invalid_argument);
        }
        CHECK_THROWS_AS(coir::File::open(path, O_RDONLY, 010000), std::invalid_argument);
        CHECK_THROWS_AS(coir::write_file(path, "x", {.mode = 010000}), std::invalid_argument);
        std::array<char, 1> one{};
        for (const std::uint64_t bad : {std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
            CHECK_THROWS_AS(file.read_at(one, bad), std::invalid_argument);
            CHECK_THROWS_AS(file.write_at(one, bad), std::invalid_argument);
            CHECK_THROWS_AS(file.truncate(bad), std::invalid_argument);
        }
        CHECK(content_of(path) == "x");
    });
    CHECK_THROWS_AS(coir::read_file(path), std::logic_error);
}

TEST_CASE("files: a write that fails in the middle says how much is written", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "limited";
    constexpr std::size_t limit = 1'500'000;
    struct Limit {
        rlimit before{};
        Limit() {
            std::signal(SIGXFSZ, SIG_IGN);
            ::getrlimit(RLIMIT_FSIZE, &before);
            const rlimit small{limit, before.rlim_max};
            ::setrlimit(RLIMIT_FSIZE, &small);
        }
        ~Limit() {
            ::setrlimit(RLIMIT_FSIZE, &before);
            std::signal(SIGXFSZ, SIG_DFL);
        }
    };
    if (coir_test::reactor() != "io_uring") run_in_loop([&] {  // which knows no such limit
        auto file = coir::File::open(path, O_WRONLY | O_CREAT);
        const Limit in_force;
        try {
            file.write(pattern(3'000'000));
            FAIL("wrote beyond the limit");
        } catch (const coir::IoError& error) {
            CHECK(error.code().value() == EFBIG);
            CHECK(error.transferred() == limit);
        }
        CHECK((content_of(path) == pattern(limit)));
    });
    run_in_loop([] {
        auto full = coir::File::open("/dev/full", O_WRONLY);
        CHECK(io_error_of([&] { full.write("no room"); }) == ENOSPC);
        CHECK(io_error_of([] { coir::write_file("/dev/full", "no room"); }) == ENOSPC);
    });
}

TEST_CASE("files: O_APPEND, and tasks that write at the position take turns", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "log";
    make_file(path, "head\n");
    run_in_loop([&] {
        auto one = coir::File::open(path, O_WRONLY | O_APPEND);
        auto other = coir::File::open(path, O_WRONLY | O_APPEND);
        std::vector<coir::Task<void>> writers;
        for (int i = 0; i < 20; ++i) {
            auto& file = i % 2 == 0 ? one : other;
            writers.push_back(coir::create_task([&file, i] {
                file.write(std::string(5000, static_cast<char>('a' + i)) + '\n');
            }));
        }
        for (auto& writer : writers) coir::await(writer);
    });
    const std::string log = content_of(path);
    REQUIRE(log.size() == 5 + 20 * 5001);
    for (std::size_t at = 5; at < log.size(); at += 5001) {
        CHECK((log.substr(at, 5001) == std::string(5000, log[at]) + '\n'));
    }

    const std::string shared = folder / "shared";
    run_in_loop([&] {
        auto file = coir::File::open(shared, O_RDWR | O_CREAT);
        std::vector<coir::Task<void>> users;
        for (int i = 0; i < 10; ++i) {
            users.push_back(coir::create_task(
                [&file, i] { file.write(std::string(200'000, static_cast<char>('a' + i))); }));
        }
        for (auto& user : users) coir::await(user);
        std::string expected;
        for (char letter = 'a'; letter < 'k'; ++letter) expected += std::string(200'000, letter);
        CHECK((coir::read_file(shared) == expected));  // in the order of the calls
    });
}

TEST_CASE("files: a descriptor is taken over with its position, and given away", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "data";
    make_file(path, "0123456789");
    run_in_loop([&] {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        REQUIRE(::lseek(fd, 4, SEEK_SET) == 4);
        coir::File file{coir::Fd(fd)};
        CHECK(file.native_handle() == fd);
        CHECK(file.read(3) == "456");
        coir::File moved = std::move(file);
        CHECK_FALSE(file.is_open());
        const coir::Fd back = moved.release();
        CHECK(back.get() == fd);
        CHECK_FALSE(moved.is_open());
        char next = 0;
        CHECK(::read(back.get(), &next, 1) == 1);
        CHECK(next == '7');
    });
}

TEST_CASE("files: stat says what stat(2) says", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "data";
    make_file(path, pattern(12'345));
    REQUIRE(::symlink("data", (folder / "link").c_str()) == 0);
    const auto same = [](const struct ::stat& a, const struct ::stat& b) {
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mode == b.st_mode &&
               a.st_nlink == b.st_nlink && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
               a.st_rdev == b.st_rdev && a.st_size == b.st_size && a.st_blksize == b.st_blksize &&
               a.st_blocks == b.st_blocks && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
               a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
    };
    run_in_loop([&] {
        struct ::stat plain {};
        for (const std::string& name : {path, folder.path(), std::string("/dev/null")}) {
            REQUIRE(::stat(name.c_str(), &plain) == 0);
            CHECK(same(coir::stat(name), plain));
            CHECK(same(coir::File::open(name).stat(), plain));
        }
        const std::string link = folder / "link";
        REQUIRE(::lstat(link.c_str(), &plain) == 0);
        CHECK(same(coir::lstat(link), plain));
        CHECK(S_ISREG(coir::stat(link).st_mode));
        CHECK(io_error_of([&] { coir::stat(folder / "absent"); }) == ENOENT);
    });
}

TEST_CASE("read_file: sizes, /proc, a limit", "[file]") {
    TemporaryFolder folder;
    run_in_loop([&] {
        for (const std::size_t size : {0u, 1u, 4096u, 16'384u, 16'385u, 1'048'576u, 5'000'001u}) {
            const std::string path = folder / std::to_string(size);
            make_file(path, pattern(size));
            CHECK((coir::read_file(std::filesystem::path(path)) == pattern(size)));
            CHECK((coir::read_file(path, size) == pattern(size)));
            if (size == 0) continue;
            CHECK_THROWS_AS(coir::read_file(path, size - 1), coir::LimitOverrunError);
        }
        CHECK(coir::read_file("/proc/self/stat").find(std::to_string(::getpid())) == 0);
        // Longer than what one read of /proc gives.
        CHECK(coir::read_file("/proc/kallsyms", 200'000'000).size() ==
              content_of("/proc/kallsyms").size());
        CHECK_THROWS_AS(coir::read_file("/dev/zero", 100'000), coir::LimitOverrunError);
        CHECK(coir::read_file("/dev/null").empty());
    });
}

TEST_CASE("write_file: replaces, creates, and atomically leaves no part", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "conf";
    run_in_loop([&] {
        coir::write_file(path, pattern(100'000));
        coir::write_file(path, "short");
        CHECK(content_of(path) == "short");
        REQUIRE(::chmod(path.c_str(), 0604) == 0);
        struct ::stat before {};
        REQUIRE(::stat(path.c_str(), &before) == 0);
        coir::write_file(path, pattern(2'000'000), {.atomic = true});
        CHECK((content_of(path) == pattern(2'000'000)));
        struct ::stat after {};
        REQUIRE(::stat(path.c_str(), &after) == 0);
        CHECK(after.st_ino != before.st_ino);
        CHECK(after.st_mode == before.st_mode);
        coir::write_file(folder / "fresh", "new", {.mode = 0600, .atomic = true});
        CHECK((coir::stat(folder / "fresh").st_mode & 07777) == 0600);
        CHECK(io_error_of([&] { coir::write_file(folder.path(), "x", {.atomic = true}); }) ==
              EISDIR);
        CHECK(coir::list_dir(folder.path()).size() == 2);

        // Cancelled wherever it may be: the old content or the new one, and nothing beside it.
        for (int steps = 0; steps < 12; ++steps) {
            coir::write_file(path, "old");
            auto writing = coir::create_task(
                [&] { coir::write_file(path, pattern(3'000'000), {.atomic = true}); });
            for (int i = 0; i < steps; ++i) coir::sleep(200us);
            writing.cancel();
            try {
                coir::await(writing);
            } catch (const coir::TaskCancelledError&) {
            }
            const std::string now = content_of(path);
            CHECK((now == "old" || now == pattern(3'000'000)));
            CHECK(coir::list_dir(folder.path()).size() == 2);
        }
    });
}

TEST_CASE("files: a hundred at once", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    run_in_loop([&] {
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 100; ++i) {
                group.create_task([&folder, i] {
                    const std::string path = folder / std::to_string(i);
                    const std::string bytes = pattern(static_cast<std::size_t>(i) * 3001);
                    coir::write_file(path, bytes);
                    CHECK((coir::read_file(path) == bytes));
                });
            }
        });
        CHECK(coir::list_dir(folder.path()).size() == 100);
    });
    for (int i = 0; i < 100; ++i) {
        CHECK((content_of(folder / std::to_string(i)) ==
               pattern(static_cast<std::size_t>(i) * 3001)));
    }
}

TEST_CASE("files: the loop goes on while a thread waits in open(2)", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    run_in_loop([&] {
        auto opening = coir::create_task([&] { return coir::File::open(path, O_WRONLY); });
        int ticks = 0;
        for (; ticks < 100; ++ticks) coir::yield_now();
        CHECK_FALSE(opening.done());  // nobody reads
        coir::Fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        REQUIRE(reader);
        auto writer = coir::await(std::move(opening));
        // A FIFO has no position: reading returns what is there, and needs no thread.
        coir::File end(std::move(reader));
        auto reading = coir::create_task([&] { return end.read(100); });
        coir::yield_now();
        CHECK_FALSE(reading.done());
        writer.write("through");
        CHECK(coir::await(reading) == "through");
        std::array<char, 4> buffer{};
        CHECK(io_error_of([&] { end.read_at(buffer, 0); }) == ESPIPE);
        writer.close();
        CHECK(end.read(10).empty());
    });
}
