// SPDX-License-Identifier: BSL-1.0
// See thread_pool.hpp.
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/legacy.hpp>

#include "signal_mask.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include <pthread.h>

namespace coir {
inline namespace v0 {
namespace detail {

ThreadPoolCore::ThreadPoolCore(unsigned most, std::string thread_name, std::size_t most_queued)
    : most_(most), most_queued_(most_queued), thread_name_(std::move(thread_name)) {
    threads_.reserve(most_);
}

ThreadPoolCore::~ThreadPoolCore() {
    stop();
    const blocking_region region;
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void ThreadPoolCore::stop() noexcept {
    {
        std::lock_guard lock(lock_);
        stopping_ = true;
    }
    signal_.notify(static_cast<int>(most_));
}

void ThreadPoolCore::shut_down() {
    stop();
    // Nobody adds threads now.
    for (const std::thread& thread : threads_) {
        if (thread.get_id() == std::this_thread::get_id()) {
            throw std::logic_error("coir: shutdown() of a thread pool on one of its threads");
        }
    }
    // What libcoir-legacy makes of join() would suspend a task here.
    const blocking_region region;
    std::lock_guard lock(joining_);
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

PoolMetrics ThreadPoolCore::metrics() noexcept {
    std::lock_guard lock(lock_);
    PoolMetrics metrics;
    metrics.threads = started_;
    metrics.queued = queued_;
    metrics.done = done_.load(std::memory_order_relaxed);
    metrics.running = static_cast<std::size_t>(taken_ - metrics.done);
    metrics.withdrawn = withdrawn_;
    metrics.rejected = rejected_;
    return metrics;
}

void ThreadPoolCore::abandon(std::unique_ptr<ThreadPoolCore> pool) noexcept {
    if (!pool) return;
    ThreadPoolCore& core = *pool.release();  // its threads still use it
    {
        std::lock_guard lock(core.lock_);
        core.stopping_ = true;
        while (PoolJob* job = core.queue_.pop_front()) job->queued = false;
        core.queued_ = 0;
    }
    core.signal_.notify(static_cast<int>(core.most_));
}

void ThreadPoolCore::start_thread() {
    // What libcoir-deep makes of pthread_create would be a task.
    const blocking_region region;
    const SignalsLeftToOthers no_signals;
    threads_.emplace_back([this] { run_jobs(); });
    ++started_;
}

void ThreadPoolCore::submit(PoolJob& job, std::size_t most_queued) {
    bool grow = false;
    {
        std::lock_guard lock(lock_);
        if (stopping_) throw InvalidStateError("coir: a job for a thread pool that is shut down");
        if (started_ >= most_ && queued_ >= idle_ && queued_ - idle_ >= most_queued) {
            ++rejected_;
            throw QueueFull();
        }
        job.queued = true;
        queue_.push_back(job);
        ++queued_;
        grow = queued_ > idle_ && started_ < most_;
        if (grow && started_ > 0) {
            // More threads are a help; the one that there is will do without them.
            try {
                start_thread();
            } catch (const std::exception&) {
                // std::system_error or std::bad_alloc. The job is queued: nothing may be thrown now.
            }
            grow = false;
        }
        if (grow) {
            try {
                start_thread();
            } catch (...) {
                job.unlink();
                job.queued = false;
                --queued_;
                throw;
            }
        }
    }
    signal_.notify(1);
}

bool ThreadPoolCore::withdraw(PoolJob& job) noexcept {
    std::lock_guard lock(lock_);
    if (!job.queued) return false;
    job.unlink();
    job.queued = false;
    --queued_;
    ++withdrawn_;
    return true;
}

void ThreadPoolCore::run_jobs() noexcept {
    ::pthread_setname_np(::pthread_self(), thread_name_.c_str());
    for (;;) {
        PoolJob* job = nullptr;
        std::uint32_t seen = 0;
        {
            std::lock_guard lock(lock_);
            job = queue_.pop_front();
            if (job) {
                job->queued = false;
                --queued_;
                ++taken_;
            } else {
                if (stopping_) return;
                seen = signal_.current();
                ++idle_;
            }
        }
        if (job) {
            const auto finish = job->finish;
            job->work(*job);  // without a `finish`, it may be gone afterwards
            done_.fetch_add(1, std::memory_order_relaxed);
            if (finish) finish(*job);  // it, and the stack that it lives on
            continue;
        }
        signal_.wait(seen);
        std::lock_guard lock(lock_);
        --idle_;
    }
}

namespace {

// A task that waits for a pool thread. The thread posts the task itself to the loop's inbox.
struct PoolWait : Park {
    PoolJob* job = nullptr;
    ThreadPoolCore* pool = nullptr;
    TaskBase* task = nullptr;
    bool in_world = false;
    bool withdrawn = false;
    void (*on_cancel)(void*) noexcept = nullptr;
    void* argument = nullptr;

    static void cancel_wait(Park& park, TaskBase& task) noexcept {
        auto& self = static_cast<PoolWait&>(park);
        const bool gone = self.in_world ? task.scheduler().sys().withdraw_job(self.job)
                                        : self.pool->withdraw(*self.job);
        if (gone) {
            self.withdrawn = true;
            task.scheduler().make_ready(task);
        } else if (self.on_cancel) {
            self.on_cancel(self.argument);
        }
    }
};

struct PostingJob : PoolJob {
    PoolJob* inner = nullptr;
    TaskBase* task = nullptr;
};

}  // namespace

bool run_pool_job(ThreadPoolCore& pool, PoolJob& job, const char* what,
                  void (*on_cancel)(void*) noexcept, void* argument, PoolQueue queue) {
    TaskBase& self = this_task(what);
    self.check_cancelled();
    Scheduler& scheduler = self.scheduler();
    PostingJob posting;
    posting.inner = &job;
    posting.task = &self;
    posting.work = [](PoolJob& base) noexcept {
        PoolJob& inner = *static_cast<PostingJob&>(base).inner;
        inner.work(inner);
    };
    posting.finish = [](PoolJob& base) noexcept {
        // The loop joins its pools before it refuses posts.
        TaskBase& task = *static_cast<PostingJob&>(base).task;
        task.scheduler().post(task);
    };
    PoolWait wait;
    wait.what = what;
    wait.Park::cancel = &PoolWait::cancel_wait;
    wait.job = &posting;
    wait.pool = &pool;
    wait.task = &self;
    wait.on_cancel = on_cancel;
    wait.argument = argument;
    const auto run_here = [](void* argument) noexcept {
        auto& job = *static_cast<PoolJob*>(argument);
        job.work(job);
        job.finish(job);
    };
    wait.in_world = queue == PoolQueue::calls &&
                    scheduler.sys().take_job(run_here, static_cast<PoolJob*>(&posting));
    if (wait.in_world) {
        scheduler.suspend(wait);
        return !wait.withdrawn;
    }
    scheduler.job_started();
    try {
        if (queue == PoolQueue::limited) {
            pool.submit_limited(posting);
        } else {
            pool.submit(posting);
        }
    } catch (...) {
        scheduler.job_finished();
        throw;
    }
    scheduler.suspend(wait);
    scheduler.job_finished();
    return !wait.withdrawn;
}

ThreadPoolCore& Scheduler::pool() {
    if (!pool_) {
        const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
        const unsigned most = options_.max_threads != 0 ? options_.max_threads : std::max(4u, cores);
        pool_ = std::make_unique<ThreadPoolCore>(
            most, "coir-pool",
            options_.max_queued_jobs != 0 ? options_.max_queued_jobs : ThreadPoolCore::unlimited);
    }
    return *pool_;
}

// A lane of its own: slow name servers must not keep other jobs waiting.
ThreadPoolCore& Scheduler::resolver_pool() {
    constexpr unsigned resolver_threads = 64;
    if (!resolver_pool_) {
        resolver_pool_ = std::make_unique<ThreadPoolCore>(resolver_threads, "coir-resolver");
    }
    return *resolver_pool_;
}

// And another one: those waits end only when other threads do something.
ThreadPoolCore& Scheduler::waiting_pool() {
    constexpr unsigned waiting_threads = 1024;
    if (!waiting_pool_) {
        waiting_pool_ = std::make_unique<ThreadPoolCore>(waiting_threads, "coir-wait");
    }
    return *waiting_pool_;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
