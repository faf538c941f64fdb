// SPDX-License-Identifier: BSL-1.0
// FsWatcher.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <coir/coir.hpp>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using coir_test::io_error_of;
using coir_test::make_file;
using coir_test::run_in_loop;
using coir_test::TemporaryFolder;

TEST_CASE("FsWatcher: what happens in a directory, in order", "[file]") {
    coir_test::FdCount fds;
    TemporaryFolder folder;
    run_in_loop([&] {
        coir::FsWatcher watcher;
        watcher.add(folder.path());
        const auto expect = [&](coir::FsEventKind kind, const std::string& name) {
            const coir::FsEvent event = watcher.next();
            INFO(coir::to_string(event.kind) << " " << event.path);
            CHECK(event.kind == kind);
            CHECK(event.path == (name.empty() ? folder.path() : folder / name));
            return event;
        };
        make_file(folder / "a", "x");
        expect(coir::FsEventKind::created, "a");
        expect(coir::FsEventKind::modified, "a");
        expect(coir::FsEventKind::written, "a");
        REQUIRE(::rename((folder / "a").c_str(), (folder / "b").c_str()) == 0);
        const auto from = expect(coir::FsEventKind::moved_from, "a");
        const auto to = expect(coir::FsEventKind::moved_to, "b");
        CHECK(from.cookie == to.cookie);
        CHECK(from.cookie != 0);
        REQUIRE(::chmod((folder / "b").c_str(), 0600) == 0);
        expect(coir::FsEventKind::attributes, "b");
        REQUIRE(::mkdir((folder / "inner").c_str(), 0700) == 0);
        CHECK(expect(coir::FsEventKind::created, "inner").is_directory);
        make_file(folder / "inner/c", "x");  // not recursive: nothing of this
        REQUIRE(::unlink((folder / "b").c_str()) == 0);
        expect(coir::FsEventKind::deleted, "b");

        // While a task waits.
        auto waiting = coir::create_task([&] { return watcher.next(); });
        coir::yield_now();
        CHECK_FALSE(waiting.done());
        make_file(folder / "late", "");
        CHECK(coir::await(waiting).path == folder / "late");

        watcher.close();
        watcher.close();
        CHECK(io_error_of([&] { watcher.next(); }) == EBADF);
        CHECK(io_error_of([&] { watcher.add(folder.path()); }) == EBADF);
    });
}

TEST_CASE("FsWatcher: files, ends of watches, removal", "[file]") {
    TemporaryFolder folder;
    const std::string file = folder / "file";
    const std::string other = folder / "other";
    make_file(file, "x");
    make_file(other, "x");
    run_in_loop([&] {
        coir::FsWatcher watcher;
        watcher.add(file);
        watcher.add(other);
        CHECK(watcher.remove(other));
        CHECK_FALSE(watcher.remove(other));
        std::ofstream(other) << "unseen";
        std::ofstream(file, std::ios::app) << "more";
        CHECK(watcher.next().kind == coir::FsEventKind::modified);
        CHECK(watcher.next().kind == coir::FsEventKind::written);
        REQUIRE(::rename(file.c_str(), (folder / "renamed").c_str()) == 0);
        CHECK(watcher.next().kind == coir::FsEventKind::watch_moved);
        REQUIRE(::unlink((folder / "renamed").c_str()) == 0);
        CHECK(watcher.next().kind == coir::FsEventKind::attributes);  // its number of links
        const auto last = watcher.next();
        CHECK(last.kind == coir::FsEventKind::watch_ended);
        CHECK(last.path == file);
        CHECK(io_error_of([&] { watcher.add(folder / "absent"); }) == ENOENT);
        CHECK_THROWS_AS(watcher.add(""), std::invalid_argument);
    });
    CHECK_THROWS_AS(coir::FsWatcher(), std::logic_error);
}

TEST_CASE("D3: a cancelled next() of a watcher loses no event, and waiters are served in turn", "[file]") {
    TemporaryFolder folder;
    run_in_loop([&] {
        coir::FsWatcher watcher;
        watcher.add(folder.path());
        std::vector<std::string> seen;
        for (int i = 0; i < 20; ++i) {
            auto first = coir::create_task([&] { return watcher.next(); });
            auto second = coir::create_task([&] { return watcher.next(); });
            for (int step = 0; step < i % 4; ++step) coir::yield_now();
            REQUIRE(::mkdir((folder / std::to_string(i)).c_str(), 0700) == 0);
            if (i % 2 == 0) coir::yield_now();
            first.cancel();
            std::string got;
            try {
                got = coir::await(first).path;
                seen.push_back(got);
            } catch (const coir::TaskCancelledError&) {
                seen.push_back(coir::await(second).path);
            }
            if (!second.done()) {
                second.cancel();
                CHECK_THROWS_AS(coir::await(second), coir::TaskCancelledError);
            }
        }
        REQUIRE(seen.size() == 20);
        for (std::size_t i = 0; i < 20; ++i) CHECK(seen[i] == folder / std::to_string(i));

        auto waiting = coir::create_task([&] { watcher.next(); });
        coir::yield_now();
        coir::yield_now();
        watcher.close();
        CHECK(io_error_of([&] { coir::await(waiting); }) == ECANCELED);
    });
}

TEST_CASE("FsWatcher: an overflow is reported", "[file]") {
    TemporaryFolder folder;
    int limit = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
    if (limit <= 0 || limit > 100'000) {
        WARN("skipped: the kernel queues " << limit << " events");
        return;
    }
    run_in_loop([&] {
        coir::FsWatcher watcher;
        watcher.add(folder.path());
        const coir::Fd a(::open((folder / "a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        const coir::Fd b(::open((folder / "b").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        // In turn: equal events one behind the other would be merged.
        for (int i = 0; i < limit / 2 + 10; ++i) {
            REQUIRE(::pwrite(a.get(), "x", 1, 0) == 1);
            REQUIRE(::pwrite(b.get(), "x", 1, 0) == 1);
        }
        int events = 0;
        while (watcher.next().kind != coir::FsEventKind::overflow) ++events;
        CHECK(events == limit);
        ::unlink((folder / "a").c_str());
        CHECK(watcher.next().kind == coir::FsEventKind::deleted);  // it goes on
    });
}
