// SPDX-License-Identifier: BSL-1.0
// RunOptions::busy_poll: a loop that looks for a while before it sleeps, on every reactor.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

coir::RunOptions busy(const std::string& reactor, coir::Nanoseconds busy_poll) {
    coir::RunOptions options;
    options.reactor = reactor;
    options.busy_poll = busy_poll;
    return options;
}

bool is_usable(const std::string& name) {
    for (const coir::ReactorInfo& reactor : coir::list_reactors()) {
        if (reactor.name == name) return reactor.usable;
    }
    return false;
}

std::chrono::nanoseconds cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// What a loop uses of its processor while its only task sleeps.
std::chrono::nanoseconds cpu_of_a_sleep(const coir::RunOptions& options) {
    std::chrono::nanoseconds used{};
    coir::run(
        [&] {
            const auto begin = cpu_time();
            coir::sleep(150ms);
            used = cpu_time() - begin;
        },
        options);
    return used;
}

}  // namespace

TEST_CASE("busy_poll: what comes meanwhile is seen, and then the loop sleeps", "[busy_poll]") {
    for (const char* reactor : {"epoll", "io_uring", "poll"}) {
        INFO(reactor);
        if (!is_usable(reactor)) continue;
        // Longer than the test, and so short that it has mostly ended: no wake may be missed in either.
        for (const auto busy_poll : {coir::Nanoseconds(10s), coir::Nanoseconds(20us)}) {
            std::string got;
            coir::run(
                [&] {
                    int ends[2];
                    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
                    coir::Stream near{coir::Fd(ends[0])};
                    std::thread peer([fd = ends[1]] {
                        char byte = 0;
                        while (::read(fd, &byte, 1) == 1) {
                            if (::write(fd, &byte, 1) != 1) break;
                        }
                        ::close(fd);
                    });
                    for (char byte = 'a'; byte < 'k'; ++byte) {
                        near.write(std::string_view(&byte, 1));
                        got += near.read_exactly(1);
                        coir::sleep(1ms);
                        auto posted = coir::create_future<void>();
                        std::thread poster([&loop = coir::get_running_loop(), posted] {
                            loop.call_soon_threadsafe([posted] { posted.set_result(); });
                        });
                        coir::await(posted);
                        poster.join();
                    }
                    near.close();
                    peer.join();
                },
                busy(reactor, busy_poll));
            CHECK(got == "abcdefghij");
        }
    }
}

TEST_CASE("busy_poll: a loop uses its processor for that long, and not without it", "[busy_poll]") {
    const auto asleep = cpu_of_a_sleep(busy("epoll", 0ns));
    const auto looking = cpu_of_a_sleep(busy("epoll", 100ms));
    CHECK(looking > 5 * asleep);
    CHECK(looking > 5ms);
}

TEST_CASE("busy_poll: virtual clocks ignore it, and it cannot be negative", "[busy_poll]") {
    const auto begin = std::chrono::steady_clock::now();
    coir::run([] { coir::sleep(1h); }, busy("sim", 10min));
    CHECK(std::chrono::steady_clock::now() - begin < 5min);
    CHECK_THROWS_AS(coir::run([] {}, busy("epoll", -1ns)), std::invalid_argument);
}
