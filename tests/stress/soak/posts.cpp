// SPDX-License-Identifier: BSL-1.0
// Calls from four threads to one loop: none is lost, none comes twice, each thread's come in order.
#include "soak.hpp"

#include <coir/await.hpp>
#include <coir/run.hpp>

#include <array>
#include <atomic>
#include <thread>

#include <sched.h>

namespace coir_soak {
namespace {

constexpr std::size_t producers = 4;
// Of one producer, on their way; now and then all of them, so that the loop sleeps and must be woken.
constexpr std::uint64_t most_on_their_way = 1024;
constexpr std::uint64_t pause_every = 100'000;

struct alignas(64) Producer {
    std::atomic<std::uint64_t> arrived = 0;  // written by the loop's thread
    std::uint64_t wrong = 0;                 // the loop's
};

class Posts {
public:
    explicit Posts(std::uint64_t count) : each_(count / producers) {}

    // The main task.
    void run() {
        Progress progress("posts");
        coir::EventLoop& loop = coir::get_running_loop();
        {
            std::array<std::jthread, producers> threads;  // joined at the end, whatever it is
            for (std::size_t i = 0; i < producers; ++i) {
                threads[i] = std::jthread([&, i](const std::stop_token& stop) { post(loop, from_[i], stop); });
            }
            while (arrived() < each_ * producers) {
                progress.show(static_cast<double>(arrived()) / static_cast<double>(each_ * producers));
                const std::uint64_t before = arrived();
                coir::sleep(std::chrono::milliseconds(100));
                check_stalled(before);
            }
        }
        coir::sleep(std::chrono::milliseconds(10));  // for one too many
        for (const Producer& from : from_) {
            require(from.arrived == each_, whole(from.arrived) + " calls came, not " + whole(each_));
            require(from.wrong == 0, whole(from.wrong) + " calls came out of order");
        }
    }
    std::uint64_t arrived() const {
        std::uint64_t sum = 0;
        for (const Producer& from : from_) sum += from.arrived.load(std::memory_order_relaxed);
        return sum;
    }

private:
    void post(coir::EventLoop& loop, Producer& to, const std::stop_token& stop) const {
        for (std::uint64_t number = 0; number < each_ && !stop.stop_requested(); ++number) {
            const std::uint64_t most = number % pause_every == 0 ? 0 : most_on_their_way;
            while (number - to.arrived.load(std::memory_order_acquire) > most && !stop.stop_requested()) {
                ::sched_yield();
            }
            loop.call_soon_threadsafe([&to, number] {
                const std::uint64_t expected = to.arrived.load(std::memory_order_relaxed);
                if (number != expected) ++to.wrong;
                to.arrived.store(expected + 1, std::memory_order_release);
            });
        }
    }
    // A lost call holds up its thread for ever: none has room then.
    void check_stalled(std::uint64_t before) {
        still_ = arrived() == before ? still_ + 1 : 0;
        require(still_ < 300, "nothing has come for 30 s after " + whole(before) + " calls: one is lost");
    }

    const std::uint64_t each_;
    std::array<Producer, producers> from_;
    int still_ = 0;
};

}  // namespace

std::string soak_posts(const Plan& plan) {
    coir::RunOptions options;
    options.reactor = plan.reactor;
    Posts posts(plan.count);
    const Clock::time_point begin = Clock::now();
    coir::run([&] { posts.run(); }, options);
    const double seconds = seconds_since(begin);
    return whole(posts.arrived()) + " calls from 4 threads in " + fixed(seconds, 1) + " s, " +
           fixed(seconds * 1e9 / static_cast<double>(posts.arrived()), 0) + " ns each, in order, none lost";
}

}  // namespace coir_soak
