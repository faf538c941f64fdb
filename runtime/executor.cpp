// SPDX-License-Identifier: BSL-1.0
// Executor and ThreadPool, over the pool core that loops use, too.
#include <coir/thread_pool.hpp>

#include "scheduler.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>
#include <coir/log.hpp>

#include <stdexcept>

namespace coir {
inline namespace v0 {
namespace {

// A job that nobody waits for.
struct OwnedJob : detail::PoolJob {
    explicit OwnedJob(Executor::Job of) : job(std::move(of)) {
        work = &run;
        finish = [](detail::PoolJob& base) noexcept { delete static_cast<OwnedJob*>(&base); };
    }
    static void run(detail::PoolJob& base) noexcept {
        try {
            static_cast<OwnedJob&>(base).job();
        } catch (...) {
            try {
                detail::log(LogLevel::error,
                            detail::describe({"exception in a job of a thread pool",
                                              std::current_exception(), {}}));
            } catch (const std::exception&) {
                // No memory for a report about an error.
            }
        }
    }
    Executor::Job job;
};

std::shared_ptr<detail::ThreadPoolCore> make_core(unsigned threads, ThreadPoolOptions options) {
    constexpr unsigned most = 4096;
    constexpr std::size_t longest = 15;  // pthread_setname_np's limit
    if (threads == 0 || threads > most) {
        throw std::invalid_argument("coir: a thread pool of " + std::to_string(threads) +
                                    " threads; allowed are 1 to " + std::to_string(most));
    }
    if (options.name.empty() || options.name.size() > longest ||
        options.name.find('\0') != std::string::npos) {
        throw std::invalid_argument("coir: a thread pool named '" + options.name +
                                    "'; allowed are 1 to 15 bytes without a NUL");
    }
    return std::make_shared<detail::ThreadPoolCore>(
        threads, std::move(options.name),
        options.max_queued != 0 ? options.max_queued : detail::ThreadPoolCore::unlimited);
}

}  // namespace

Executor::~Executor() = default;
std::shared_ptr<detail::ThreadPoolCore> Executor::core() noexcept { return nullptr; }

ThreadPool::ThreadPool(unsigned threads, ThreadPoolOptions options)
    : core_(make_core(threads, std::move(options))) {}
// A call that comes home later may still have the core, but no threads are left then.
ThreadPool::~ThreadPool() { core_->shut_down(); }

void ThreadPool::submit(Job job) {
    if (!job) throw std::invalid_argument("coir: a job of a thread pool must not be empty");
    auto owned = std::make_unique<OwnedJob>(std::move(job));
    core_->submit_limited(*owned);
    static_cast<void>(owned.release());
}

void ThreadPool::shutdown() { core_->shut_down(); }
PoolMetrics ThreadPool::metrics() const { return core_->metrics(); }
std::shared_ptr<detail::ThreadPoolCore> ThreadPool::core() noexcept { return core_; }

}  // namespace v0
}  // namespace coir
