// SPDX-License-Identifier: BSL-1.0
// Descriptors that others close, keep or inherit, and transfers that are cut anywhere.
#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/own_reactor.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

#include <coir/coir.hpp>

#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

using coir_test::run_in_loop;
using namespace std::chrono_literals;

namespace {

double processor_ms() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

/// The numbers of open descriptors that a new program would get, beyond the standard ones.
std::vector<int> inherited() {
    std::vector<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int fd = std::stoi(entry.path().filename().string());
        const int flags = ::fcntl(fd, F_GETFD);
        if (fd > 2 && flags >= 0 && (flags & FD_CLOEXEC) == 0) found.push_back(fd);
    }
    return found;
}

}  // namespace

TEST_CASE("B65: a descriptor that was closed behind coir's back, and lives on in a copy, costs nothing") {
    if (coir_test::is_virtual_time()) return;  // real descriptors, real time
    run_in_loop([] {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        auto waiter = coir::create_task([fd = ends[0]] { return coir::wait_fd(fd, POLLIN); });
        coir::sleep(1ms);
        const int copy = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 100);
        REQUIRE(copy >= 0);
        ::close(ends[0]);  // epoll goes on reporting it, and cannot be told to stop
        REQUIRE(::write(ends[1], "x", 1) == 1);
        coir::sleep(20ms);
        const double before = processor_ms();
        coir::sleep(200ms);
        CHECK(processor_ms() - before < 100 * coir_test::time_factor());
        waiter.cancel();
        try {
            coir::await(waiter);
        } catch (const coir::TaskCancelledError&) {
        } catch (const coir::IoError&) {
        }
        ::close(copy);
        ::close(ends[1]);
    });
}

TEST_CASE("B72: pieces of every size, empty ones too, arrive whole however they are cut") {
    std::mt19937 dice(72);
    for (int round = 0; round < 30; ++round) {
        std::vector<std::string> pieces(1 + dice() % 40);
        std::string whole;
        for (std::string& piece : pieces) {
            const std::size_t size = dice() % 3 == 0 ? 0 : dice() % 20'000;
            piece.resize(size);
            for (char& c : piece) c = static_cast<char>('a' + dice() % 26);
            whole += piece;
        }
        const std::size_t bite = 1 + dice() % 5'000;
        const std::string received = run_in_loop([&] {
            auto pair = coir_test::stream_pair();
            coir::Stream& b = pair.second;
            auto writer = coir::create_task([&pieces, stream = std::move(pair.first)]() mutable {
                stream.writev(std::vector<std::string_view>(pieces.begin(), pieces.end()));
                stream.close();
            });
            std::string text;
            for (;;) {
                const std::string part = b.read(bite);
                if (part.empty()) break;
                text += part;
            }
            coir::await(writer);
            return text;
        });
        REQUIRE(received == whole);
    }
}

TEST_CASE("B80: nothing that coir opens is inherited by a new program: S7") {
    const std::vector<int> before = inherited();
    const coir_test::TemporaryFolder folder;
    run_in_loop([&] {
        auto server = coir::start_server([](coir::Stream& stream) { stream.read(1); }, "127.0.0.1", 0);
        coir::Stream client = coir::open_connection("127.0.0.1", server.port());
        coir::File file = coir::File::open(folder / "file", O_RDWR | O_CREAT);
        coir::SignalStream signals({SIGUSR2});
        coir::FsWatcher watcher;
        auto process = coir::create_subprocess_exec({"/bin/cat"}, {.stdin_ = coir::Stdio::pipe()});
        coir::to_thread([] {});
        CHECK(inherited() == before);
        process.kill();
        process.wait();
        server.close();
    });
}
