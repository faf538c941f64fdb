// SPDX-License-Identifier: BSL-1.0
// Callbacks of other threads: their memory comes and goes between threads, whatever they hold.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/event_loop.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

using coir_test::run_in_loop;

namespace {

struct alignas(64) Aligned {
    std::uint64_t value = 7;
};

// Posts callbacks of three kinds, in turn; each checks what it holds and counts.
void post_many(coir::EventLoop& loop, int count, std::atomic<int>& ran, std::atomic<int>& wrong) {
    for (int i = 0; i < count; ++i) {
        const auto number = static_cast<std::uint64_t>(i);
        if (i % 16 == 0) {
            std::array<std::uint64_t, 40> large{};
            large.fill(number);
            loop.call_soon_threadsafe([&ran, &wrong, large, number] {
                if (large.front() != number || large.back() != number) ++wrong;
                ++ran;
            });
        } else if (i % 16 == 1) {
            loop.call_soon_threadsafe([&ran, &wrong, aligned = Aligned{}] {
                if (reinterpret_cast<std::uintptr_t>(&aligned) % 64 != 0 || aligned.value != 7) ++wrong;
                ++ran;
            });
        } else {
            loop.call_soon_threadsafe([&ran, &wrong, kept = std::make_shared<std::uint64_t>(number), number] {
                if (*kept != number) ++wrong;
                ++ran;
            });
        }
    }
}

}  // namespace

TEST_CASE("post memory: callbacks of many threads that come and go hold what they were given") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        std::atomic<int> ran{0};
        std::atomic<int> wrong{0};
        constexpr int rounds = 6;
        constexpr int threads = 4;
        constexpr int posts = 3'000;
        for (int round = 1; round <= rounds; ++round) {
            std::vector<std::thread> posters;
            for (int i = 0; i < threads; ++i) {
                posters.emplace_back([&] { post_many(loop, posts, ran, wrong); });
            }
            while (ran.load() < round * threads * posts) coir::yield_now();
            for (auto& poster : posters) poster.join();
        }
        CHECK(ran.load() == rounds * threads * posts);
        CHECK(wrong.load() == 0);
    });
}

TEST_CASE("post memory: a handle that outlives its callback may be dropped on another thread") {
    run_in_loop([] {
        auto& loop = coir::get_running_loop();
        std::vector<coir::Handle> handles;
        int ran = 0;
        std::thread([&] {
            for (int i = 0; i < 500; ++i) {
                handles.push_back(loop.call_soon_threadsafe([&ran] { ++ran; }));
            }
        }).join();
        while (ran < 500) coir::yield_now();
        std::thread([&] { handles.clear(); }).join();
        CHECK(ran == 500);
    });
}
