// SPDX-License-Identifier: BSL-1.0
// Two loops that share one processor: whoever posts to a sleeping loop may lose the processor to it
// in the middle of the call, and nobody may burn a time slice waiting for the other.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <ctime>
#include <thread>

#include <sched.h>

namespace {

double processor_seconds() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// Threads that are made meanwhile inherit it.
class OneProcessor {
public:
    OneProcessor() {
        ::sched_getaffinity(0, sizeof before_, &before_);
        int first = 0;
        while (!CPU_ISSET(first, &before_)) ++first;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(first, &one);
        ::sched_setaffinity(0, sizeof one, &one);
    }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;
    ~OneProcessor() { ::sched_setaffinity(0, sizeof before_, &before_); }

private:
    cpu_set_t before_{};
};

}  // namespace

TEST_CASE("posts between loops on one processor take microseconds of it, not time slices") {
    constexpr int trips = 200;
    OneProcessor pinned;
    double used = 0;
    coir_test::run_in_loop([&] {
        coir::EventLoop& here = coir::get_running_loop();
        std::atomic<coir::EventLoop*> there{nullptr};
        std::thread partner([&there] {
            coir::EventLoop loop(coir_test::options());
            there.store(&loop);
            there.notify_one();
            loop.run_forever();
        });
        there.wait(nullptr);
        const double before = processor_seconds();
        for (int trip = 0; trip < trips; ++trip) {
            auto answered = coir::create_future<void>();
            there.load()->call_soon_threadsafe([&here, answered] {
                here.call_soon_threadsafe([answered] { answered.set_result(); });
            });
            coir::await(answered);
        }
        used = processor_seconds() - before;
        there.load()->call_soon_threadsafe([&there] { there.load()->stop(); });
        partner.join();
    });
    CHECK(used < 0.2 * coir_test::time_factor());  // a time slice each would be 0.8 s
}
