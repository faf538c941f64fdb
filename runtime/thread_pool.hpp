// SPDX-License-Identifier: BSL-1.0
// Threads for what blocks: to_thread, name resolution, operations that a reactor lacks.
//
// A job lives on the stack of the task that waits for it. A queued job can be withdrawn; a running
// one is waited for, because it uses that stack.
#pragma once

#include "futex_lock.hpp"
#include "scheduler.hpp"

#include <coir/detail/intrusive_list.hpp>

#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// What a pool thread is to run.
struct PoolJob : ListLink {
    void (*work)(PoolJob&) noexcept = nullptr;
    bool queued = false;  ///< guarded by the pool's lock
};

class ThreadPoolCore {
public:
    /// Threads start when there is work, up to `most`.
    ThreadPoolCore(unsigned most, const char* thread_name);
    ThreadPoolCore(const ThreadPoolCore&) = delete;
    ThreadPoolCore& operator=(const ThreadPoolCore&) = delete;
    /// Lets running jobs finish and joins the threads.
    ~ThreadPoolCore();
    /// The end of a pool with jobs that nobody can wait for any longer: what has not begun will not
    /// begin, and the threads are left to themselves. Null is fine.
    static void abandon(std::unique_ptr<ThreadPoolCore> pool) noexcept;

    /// Any thread. Throws std::system_error when not even one thread can be started.
    void submit(PoolJob& job);
    /// Any thread. True: the job will not run.
    bool withdraw(PoolJob& job) noexcept;
    unsigned threads() const noexcept { return started_; }

private:
    void run_jobs() noexcept;
    void start_thread();

    FutexLock lock_;
    FutexSignal signal_;
    IntrusiveList<PoolJob> queue_;
    unsigned idle_ = 0;
    unsigned queued_ = 0;
    bool stopping_ = false;
    const unsigned most_;
    const char* const thread_name_;
    unsigned started_ = 0;
    std::vector<std::thread> threads_;
};

/// Runs `job.work` on the pool and suspends the current task until it is done. Returns false when
/// the task was cancelled and the job withdrawn before it began. `on_cancel` is called when a
/// running job's task is cancelled; may be null.
bool run_pool_job(ThreadPoolCore& pool, PoolJob& job, const char* what,
                  void (*on_cancel)(void*) noexcept, void* argument);

/// Runs `f()` on the pool; throws what it throws, or CancelledError when it was withdrawn.
template <class F>
void run_in_pool(ThreadPoolCore& pool, F&& f, const char* what = "a pool thread",
                 void (*on_cancel)(void*) noexcept = nullptr, void* argument = nullptr) {
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
    if (!run_pool_job(pool, job, what, on_cancel, argument)) {
        require_task(what).throw_cancelled();
    }
    if (job.error) std::rethrow_exception(std::move(job.error));
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
