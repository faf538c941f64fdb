// SPDX-License-Identifier: BSL-1.0
// Executors: what run_in_executor() hands its jobs to. ThreadPool is one; derive your own to use
// threads that a program has already.
//
// Threads: any. One executor may serve many loops. Behaviour: concurrent.futures.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/unique_function.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
class ThreadPoolCore;
}

/// What a pool of threads does and has done, at some moment.
struct PoolMetrics {
    unsigned threads = 0;         ///< started so far; they stay
    std::size_t queued = 0;       ///< jobs that no thread has taken yet
    std::size_t running = 0;      ///< jobs that a thread is at
    std::uint64_t done = 0;       ///< jobs that have returned
    std::uint64_t withdrawn = 0;  ///< jobs that were cancelled while queued
    std::uint64_t rejected = 0;   ///< jobs that the limit of the queue refused
};

/// Runs jobs on other threads.
class COIR_API Executor {
public:
    /// A move-only function `void()`, never empty. To be called once, on any thread without a
    /// running loop; a job that is destroyed without having been called fails with BrokenPromise.
    /// A job that was cancelled meanwhile does nothing when it is called.
    using Job = detail::UniqueFunction;

    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    virtual ~Executor();
    /// Takes the job, and calls it later, elsewhere; must not call it at once. What it throws,
    /// run_in_executor() throws.
    virtual void submit(Job job) = 0;

    // Internal: coir's own pool, whose queued jobs can be taken back.
    virtual std::shared_ptr<detail::ThreadPoolCore> core() noexcept;
};

struct ThreadPoolOptions {
    /// What tools call the threads: 1 to 15 bytes.
    std::string name = "coir-pool";
    /// Jobs that may wait for a thread; 0: no limit.
    std::size_t max_queued = 0;
};

/// A fixed number of threads, started when they are first needed, with one queue.
class COIR_API ThreadPool final : public Executor {
public:
    /// std::invalid_argument unless there are 1 to 4096 threads and the name can be one.
    explicit ThreadPool(unsigned threads, ThreadPoolOptions options = {});
    /// As shutdown(). Not on a thread of the pool.
    ~ThreadPool() override;

    /// Queues a job; what it throws is logged. Throws QueueFull when as many wait as may,
    /// InvalidStateError after shutdown(), std::invalid_argument for an empty job, and
    /// std::system_error when not even one thread can be started.
    void submit(Job job) override;
    /// Takes no more jobs, runs those that are queued, and joins the threads; blocks the calling
    /// thread meanwhile. Repeated calls do nothing. std::logic_error on a thread of the pool.
    void shutdown();
    PoolMetrics metrics() const;

    std::shared_ptr<detail::ThreadPoolCore> core() noexcept override;

private:
    std::shared_ptr<detail::ThreadPoolCore> core_;
};

}  // namespace v0
}  // namespace coir
