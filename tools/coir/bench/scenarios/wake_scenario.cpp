// SPDX-License-Identifier: BSL-1.0
// The scenario wake: another thread, on the second CPU, calls something on a loop.
#include "bench/at_once.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"

#include "raw/ring_parking.hpp"
#include "support/machine.hpp"

#include <coir/await.hpp>
#include <coir/future.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include <sched.h>

namespace coir_tool {
namespace {

using coir_bench::EpollWaiter;
using coir_bench::Histogram;
using coir_bench::Parking;
using coir_bench::PollWaiter;

using Call = std::function<void()>;
using Post = std::function<void(Call)>;

// Inboxes of a thread as one writes them without coir. run_until() runs what comes until a call has set
// `done`.
class Mailbox {
public:
    void post(Call call) {
        const std::lock_guard guard(mutex_);
        calls_.push_back(std::move(call));
        changed_.notify_one();
    }
    void run_until(const bool& done) {
        while (!done) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return !calls_.empty(); });
            const Call call = std::move(calls_.front());
            calls_.pop_front();
            lock.unlock();
            call();
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Call> calls_;
};

// Of a loop, which sleeps in the kernel and takes all that is there at once.
template <class Place>
class LoopMailbox {
public:
    void post(Call call) {
        std::unique_lock lock(mutex_);
        const bool first = calls_.empty();
        calls_.push_back(std::move(call));
        lock.unlock();
        if (first) place_.wake();
    }
    void run_until(const bool& done) {
        std::vector<Call> taken;
        while (!done) {
            place_.wait();
            std::unique_lock lock(mutex_);
            taken.swap(calls_);
            lock.unlock();
            for (const Call& call : taken) call();
            taken.clear();
        }
    }

private:
    std::mutex mutex_;
    std::vector<Call> calls_;
    Place place_;
};

// One at a time, so that the other side sleeps when it comes.
Measured measure_round_trips(double seconds, const Post& post) {
    std::binary_semaphore back(0);
    Measured measured =
        repeat_until(seconds, nullptr, [&](std::int64_t end_ns, Histogram& latency) {
            const auto there_and_back = [&](unsigned) {
                post([&] { back.release(); });
                back.acquire();
            };
            work_until(end_ns, 0, there_and_back, latency);
        });
    measured.sample.value = 1e9 / measured.sample.value;
    return measured;
}

// As fast as they can be taken, so that the other side has always something to do.
Measured measure_posts(double seconds, const Post& post) {
    constexpr unsigned at_once = 256;
    std::atomic<unsigned> ran = 0;
    unsigned posted = 0;
    double yields = 0;
    const auto wait_for_all_but = [&](unsigned left) {
        for (; posted - ran.load(std::memory_order_acquire) > left; ++yields) ::sched_yield();
    };
    const auto post_some = [&] {
        for (unsigned i = 0; i < at_once; ++i, ++posted) {
            wait_for_all_but(at_once);
            post([&ran] { ran.fetch_add(1, std::memory_order_release); });
        }
    };
    repeat_for(seconds / 5, post_some);
    yields = 0;
    const unsigned posted_before = posted;
    const Stretch stretch(nullptr);
    repeat_for(seconds, post_some);
    Measured measured = stretch.finish(posted - posted_before);
    // Waiting for room is the measurement's doing.
    measured.sample.syscalls_per_op -= yields / measured.sample.operations;
    wait_for_all_but(0);
    return measured;
}

// In a thread on the second CPU, which calls `finished` at its end.
class Poster {
public:
    Poster(double seconds, const Post& post, const Call& finished)
        : thread_([=, this] {
              coir_bench::pin_to_allowed_cpu(1);
              measured_ = {measure_round_trips(seconds / 2, post), measure_posts(seconds / 2, post)};
              post(finished);
          }) {}
    std::vector<Measured> take() {
        thread_.join();
        return std::move(measured_);
    }

private:
    std::vector<Measured> measured_;
    std::thread thread_;
};

std::vector<Measured> measure_loop(double seconds) {
    coir::EventLoop& loop = coir::get_running_loop();
    coir::Future<void> done = coir::create_future<void>();
    Poster poster(
        seconds, [&](Call call) { loop.call_soon_threadsafe(std::move(call)); },
        [&] { done.set_result(); });
    coir::await(done);
    return poster.take();
}

template <class Inbox>
std::vector<Measured> measure_inbox(double seconds) {
    Inbox mailbox;
    bool done = false;
    Poster poster(
        seconds, [&](Call call) { mailbox.post(std::move(call)); }, [&] { done = true; });
    mailbox.run_until(done);
    return poster.take();
}

}  // namespace

Workload wake_workload() {
    return loop_workload(
        "wake",
        "call_soon_threadsafe() by another thread; by hand: a mutex and an eventfd; threads: a mutex and "
        "a condition",
        {{"sleeping: round trip", "ns", false, {}, 0}, {"busy: per call", "ns", false, {}, 0}},
        measure_loop,
        {{epoll_baseline, measure_inbox<LoopMailbox<Parking<EpollWaiter>>>},
         {uring_baseline, measure_inbox<LoopMailbox<coir_bench::RingParking>>},
         {poll_baseline, measure_inbox<LoopMailbox<Parking<PollWaiter>>>},
         {threads_baseline, measure_inbox<Mailbox>}});
}

}  // namespace coir_tool
