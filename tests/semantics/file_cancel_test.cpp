// SPDX-License-Identifier: BSL-1.0
// Files: cancellation, and closing under calls that are in progress.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <coir/coir.hpp>
#include <csignal>
#include <memory>
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

TEST_CASE("D3: a file call in a task that is cancelled already does nothing", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "data";
    make_file(path, "0123456789");
    run_in_loop([&] {
        auto file = coir::File::open(path, O_RDWR);
        const auto refused = [](auto call) {
            auto task = coir::create_task([&] {
                coir::current_task().cancel();
                call();
            });
            CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        };
        std::array<char, 4> buffer{};
        refused([&] { coir::File::open(folder / "new", O_CREAT | O_WRONLY); });
        refused([&] { file.read(buffer); });
        refused([&] { file.read_at(buffer, 0); });
        refused([&] { file.write("xxx"); });
        refused([&] { file.write_at("xxx", 0); });
        refused([&] { file.truncate(0); });
        refused([&] { file.fsync(); });
        refused([&] { file.stat(); });
        refused([&] { file.seek(3); });
        refused([&] { file.seek(0, SEEK_END); });
        refused([&] { coir::write_file(path, ""); });
        refused([&] { coir::read_file(path); });
        refused([&] { coir::mkdir(folder / "directory"); });
        refused([&] { coir::remove(path); });
        refused([&] { coir::rename(path, folder / "other"); });
        refused([&] { coir::list_dir(folder.path()); });
        CHECK(file.seek(0, SEEK_CUR) == 0);
        CHECK(content_of(path) == "0123456789");
        CHECK(coir::list_dir(folder.path()).size() == 1);
        // The exception: close() closes, and says that the task was cancelled.
        refused([&] { file.close(); });
        CHECK_FALSE(file.is_open());
    });
}

TEST_CASE("D3, B43: an open(2) that a thread waits in ends with its file, and the cancellation stays pending",
          "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    run_in_loop([&] {
        bool opened = false;
        auto opening = coir::create_task([&] {
            auto file = coir::File::open(path, O_WRONLY);
            opened = true;
            CHECK(coir::current_task().name() == "opener");
            coir::checkpoint();  // the cancellation comes here
            FAIL("the cancellation is lost");
        });
        opening.set_name("opener");
        // A thread has taken it, and is in open(2) a moment later at the latest.
        while (coir::get_running_loop().metrics().pool.running == 0) coir::yield_now();
        opening.cancel();
        for (int i = 0; i < 50; ++i) coir::yield_now();
        CHECK_FALSE(opening.done());
        coir::Fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        CHECK_THROWS_AS(coir::await(opening), coir::TaskCancelledError);
        CHECK(opened);
    });
}

TEST_CASE("D3: a cancelled write says how much is written, a cancelled read moves nothing", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "data";
    const std::string bytes = pattern(24'000'000);
    run_in_loop([&] {
        int cancelled = 0;
        for (int round = 0; round < 8; ++round) {
            auto file = coir::File::open(path, O_RDWR | O_CREAT | O_TRUNC);
            std::size_t written = bytes.size();
            auto writing = coir::create_task([&] {
                try {
                    file.write(bytes);
                } catch (const coir::WriteCancelledError& error) {
                    written = error.transferred();
                    ++cancelled;
                    throw;
                }
            });
            for (int i = 0; i < round + 1; ++i) coir::yield_now();
            writing.cancel();
            try {
                coir::await(writing);
            } catch (const coir::TaskCancelledError&) {
            }
            CHECK(file.size() == written);
            CHECK(file.seek(0, SEEK_CUR) == written);
            CHECK((content_of(path) == bytes.substr(0, written)));
            file.close();
        }
        CHECK(cancelled > 0);

        make_file(path, bytes);
        auto file = coir::File::open(path);
        for (int round = 0; round < 8; ++round) {
            file.seek(round);
            const auto where = static_cast<std::uint64_t>(round);
            std::size_t got = 0;
            auto reading = coir::create_task([&] { got = file.read(bytes.size()).size(); });
            for (int i = 0; i < round + 1; ++i) coir::yield_now();
            reading.cancel();
            try {
                coir::await(reading);
            } catch (const coir::TaskCancelledError&) {
                got = 0;
            }
            CHECK(file.seek(0, SEEK_CUR) == where + got);
        }
    });
}

TEST_CASE("D29, B49: storms of cancelled file calls leave buffers and descriptors alone", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "data";
    make_file(path, pattern(300'000));
    run_in_loop([&] {
        auto file = coir::File::open(path, O_RDWR);
        for (int round = 0; round < 30; ++round) {
            std::vector<coir::Task<void>> tasks;
            for (int i = 0; i < 20; ++i) {
                tasks.push_back(coir::create_task([&, i] {
                    // On the stack of a task that is about to end: ASan sees a late write.
                    std::array<char, 70'000> buffer;
                    switch (i % 5) {
                        case 0:
                            file.read_at(buffer, static_cast<std::uint64_t>(i) * 1000);
                            break;
                        case 1:
                            file.write_at(pattern(100'000), 100'000);
                            break;
                        case 2:
                            coir::read_file(path);
                            break;
                        case 3:
                            coir::File::open(path).fdatasync();
                            break;
                        default:
                            file.seek(0);
                            file.read(buffer);
                    }
                }));
            }
            for (int i = 0; i < round % 5; ++i) coir::yield_now();
            for (std::size_t i = 0; i < tasks.size(); i += 1 + static_cast<std::size_t>(round % 3)) {
                tasks[i].cancel();
            }
            for (auto& task : tasks) {
                try {
                    coir::await(task);
                } catch (const coir::TaskCancelledError&) {
                }
            }
        }
        CHECK(file.size() == 300'000);
    });
}

TEST_CASE("rule 344: close() of a file waits for the calls in progress", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    const std::string path = folder / "data";
    const std::string bytes = pattern(8'000'000);
    run_in_loop([&] {
        auto file = coir::File::open(path, O_RDWR | O_CREAT);
        std::vector<coir::Task<void>> writers;
        for (std::size_t i = 0; i < 3; ++i) {
            writers.push_back(coir::create_task([&] { file.write(bytes); }));
        }
        coir::yield_now();
        file.close();
        for (auto& writer : writers) {
            CHECK(writer.done());
            coir::await(writer);
        }
        CHECK((content_of(path) == bytes + bytes + bytes));

        // A handle that is dropped: the calls go to their end too, and the descriptor is closed.
        auto owned = std::make_unique<coir::File>(coir::File::open(path, O_RDWR | O_TRUNC));
        auto& last = *owned;
        auto writing = coir::create_task([&] { last.write(bytes); });
        coir::yield_now();
        owned.reset();
        coir::await(writing);
        CHECK((content_of(path) == bytes));
    });
}

TEST_CASE("files: closing ends what waits on a pipe", "[file]") {
    coir_test::FdCount fds;
    struct IgnoreSigpipe {
        IgnoreSigpipe() { std::signal(SIGPIPE, SIG_IGN); }
        ~IgnoreSigpipe() { std::signal(SIGPIPE, SIG_DFL); }
    } ignored;
    run_in_loop([] {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        coir::File reader{coir::Fd(ends[0])};
        coir::File writer{coir::Fd(ends[1])};
        auto reading = coir::create_task([&] { return reader.read(10); });
        coir::yield_now();
        reader.close();
        CHECK(io_error_of([&] { coir::await(reading); }) == ECANCELED);
        CHECK(io_error_of([&] { writer.write("nobody reads"); }) == EPIPE);
        // More than a pipe holds: the write goes on as the reader takes it.
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        coir::File from{coir::Fd(ends[0])};
        coir::File to{coir::Fd(ends[1])};
        const std::string bytes = pattern(1'000'000);
        auto writing = coir::create_task([&] {
            to.write(bytes);
            to.close();
        });
        std::string got;
        for (std::string part; !(part = from.read(100'000)).empty();) got += part;
        CHECK((got == bytes));
        coir::await(writing);
        auto stuck = coir::create_task([&] { from.read(1); });
        coir::await(stuck);  // at the end of the pipe
    });
}

TEST_CASE("files: use from a loop that is not theirs", "[file]") {
    TemporaryFolder folder;
    const std::string path = folder / "data";
    coir::Runner first(coir_test::options());
    coir::File file;
    first.run([&] { file = coir::File::open(path, O_RDWR | O_CREAT); });
    run_in_loop([&] {
        CHECK_THROWS_AS(file.write("x"), coir::WrongThreadError);
        CHECK_THROWS_AS(file.close(), coir::WrongThreadError);
    });
    first.run([&] {
        file.write("at home");
        file.close();
    });
    CHECK(content_of(path) == "at home");
    CHECK_THROWS_AS(coir::File::open(path), std::logic_error);
}
