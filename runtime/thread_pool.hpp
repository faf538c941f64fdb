// SPDX-License-Identifier: BSL-1.0
// Threads for what blocks: to_thread, name resolution, operations that a reactor lacks.
//
// A job lives on the stack of the task that waits for it. A queued job can be withdrawn; a running
// one is waited for, because it uses that stack.
#pragma once

#include <coir/detail/futex_lock.hpp>
#include "scheduler.hpp"

#include <coir/detail/intrusive_list.hpp>
#include <coir/thread_pool.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// What a pool thread is to run.
struct PoolJob : ListLink {
    void (*work)(PoolJob&) noexcept = nullptr;
    /// Called after the work, when the pool has counted it; the job may be gone afterwards. Null for
    /// work that is gone by itself.
    void (*finish)(PoolJob&) noexcept = nullptr;
    bool queued = false;  ///< guarded by the pool's lock
};

class ThreadPoolCore {
public:
    static constexpr std::size_t unlimited = ~std::size_t{0};

    /// Threads start when there is work, up to `most`. `most_queued` jobs may wait for one.
    ThreadPoolCore(unsigned most, std::string thread_name, std::size_t most_queued = unlimited);
    ThreadPoolCore(const ThreadPoolCore&) = delete;
    ThreadPoolCore& operator=(const ThreadPoolCore&) = delete;
    /// Lets running jobs finish and joins the threads.
    ~ThreadPoolCore();
    /// The end of a pool with jobs that nobody can wait for any longer: what has not begun will not
    /// begin, and the threads are left to themselves. Null is fine.
    static void abandon(std::unique_ptr<ThreadPoolCore> pool) noexcept;

    /// Refuses further jobs, runs what is queued, joins the threads. std::logic_error on one of them.
    void shut_down();
    /// Any thread. Throws std::system_error when not even one thread can be started, and
    /// InvalidStateError after shut_down().
    void submit(PoolJob& job) { submit(job, unlimited); }
    /// The same for a job that may be refused: QueueFull when as many wait as may.
    void submit_limited(PoolJob& job) { submit(job, most_queued_); }
    /// Any thread. True: the job will not run.
    bool withdraw(PoolJob& job) noexcept;
    PoolMetrics metrics() noexcept;

private:
    void submit(PoolJob& job, std::size_t most_queued);
    void stop() noexcept;
    void run_jobs() noexcept;
    void start_thread();

    FutexLock lock_;
    FutexLock joining_;
    FutexSignal signal_;
    IntrusiveList<PoolJob> queue_;
    unsigned idle_ = 0;
    std::size_t queued_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t withdrawn_ = 0;
    std::uint64_t rejected_ = 0;
    std::atomic<std::uint64_t> done_{0};
    bool stopping_ = false;
    const unsigned most_;
    const std::size_t most_queued_;
    const std::string thread_name_;
    unsigned started_ = 0;
    std::vector<std::thread> threads_;
};

enum class PoolQueue : std::uint8_t {
    unlimited,
    limited,  ///< to_thread's: may be refused
    calls,    ///< system calls of coir's own, and nothing else: a simulated world makes them itself
};

/// Runs `job.work` on the pool and suspends the current task until it is done. Returns false when
/// the task was cancelled and the job withdrawn before it began. `on_cancel` is called when a
/// running job's task is cancelled; may be null.
bool run_pool_job(ThreadPoolCore& pool, PoolJob& job, const char* what,
                  void (*on_cancel)(void*) noexcept, void* argument,
                  PoolQueue queue = PoolQueue::unlimited);

/// Runs `f()` on the pool; throws what it throws, or CancelledError when it was withdrawn.
template <class F>
void run_in_pool(ThreadPoolCore& pool, F&& f, const char* what = "a pool thread",
                 void (*on_cancel)(void*) noexcept = nullptr, void* argument = nullptr,
                 PoolQueue queue = PoolQueue::unlimited) {
    struct Job : PoolJob {
        std::remove_reference_t<F>* f = nullptr;
        std::exception_ptr error;
    } job;
    job.f = &f;
    job.work = [](PoolJob& base) noexcept {
        auto& self = static_cast<Job&>(base);
        try {
            (*self.f)();
        } catch (...) {
            self.error = std::current_exception();
        }
    };
    if (!run_pool_job(pool, job, what, on_cancel, argument, queue)) {
        require_task(what).throw_cancelled();
    }
    if (job.error) std::rethrow_exception(std::move(job.error));
}

/// The same on the loop's pool, for what is only system calls of coir's own.
template <class F>
void make_calls_in_pool(Scheduler& scheduler, F&& f, const char* what,
                        void (*on_cancel)(void*) noexcept = nullptr, void* argument = nullptr) {
    run_in_pool(scheduler.pool(), std::forward<F>(f), what, on_cancel, argument, PoolQueue::calls);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
