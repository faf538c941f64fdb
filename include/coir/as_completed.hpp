// SPDX-License-Identifier: BSL-1.0
// as_completed: several jobs at once, one by one as they end.
//
//     for (auto& task : coir::as_completed(downloads, 10s)) use(coir::await(task));
//
// Behaviour: asyncio.as_completed of Python 3.13, with its asynchronous iteration.
#pragma once

#include <coir/detail/job.hpp>
#include <coir/detail/join.hpp>
#include <coir/detail/watch.hpp>
#include <coir/time_limit.hpp>
#include <coir/wait.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {

/// What as_completed() returns: an input range of the handles, in the order in which they end. One
/// task at a time takes steps. Movable; iterators refer to the range they came from.
template <class H>
class AsCompleted {
public:
    class Iterator {
    public:
        using value_type = H;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        Iterator() noexcept = default;
        /// A handle that is done: await() of it does not wait.
        H& operator*() const { return *range_->current_; }
        H* operator->() const { return range_->current_; }
        /// Suspends until one more has ended. See as_completed().
        COIR_SUSPENDS Iterator& operator++() {
            range_->step();
            return *this;
        }
        COIR_SUSPENDS void operator++(int) { range_->step(); }
        bool operator==(std::default_sentinel_t) const noexcept {
            return !range_ || !range_->current_;
        }

    private:
        friend class AsCompleted;
        explicit Iterator(AsCompleted& range) noexcept : range_(&range) {}
        AsCompleted* range_ = nullptr;
    };

    AsCompleted(AsCompleted&& other) noexcept
        : handles_(std::move(other.handles_)),
          states_(std::move(other.states_)),
          watch_(std::move(other.watch_)),
          deadline_(other.deadline_),
          owning_(std::exchange(other.owning_, false)),
          current_(std::exchange(other.current_, nullptr)) {}
    AsCompleted& operator=(AsCompleted&&) = delete;
    /// Jobs that were callables and have not ended are cancelled and waited for. A task that is in
    /// the middle of a step gets InvalidStateError.
    COIR_SUSPENDS ~AsCompleted() {
        watch_.reset();
        if (owning_) detail::abandon(states_.data(), states_.size());
    }

    /// Suspends until one more has ended: a loop that was left can be taken up again by another.
    COIR_SUSPENDS Iterator begin() {
        step();
        return Iterator(*this);
    }
    std::default_sentinel_t end() const noexcept { return std::default_sentinel; }

    // Internal. `jobs` are moved from once nothing can fail any more.
    template <class Job>
    AsCompleted(std::vector<detail::JoinedJob<Job>>& jobs, TimePoint deadline)
        : deadline_(deadline), owning_(!detail::Handle<Job>) {
        states_.reserve(jobs.size());
        for (auto& job : jobs) states_.push_back(&job.handle.state());
        watch_ = std::make_unique<detail::Watch>(states_, "as_completed");
        handles_.reserve(jobs.size());
        for (auto& job : jobs) handles_.push_back(std::move(job.handle));
    }

private:
    void step() {
        current_ = nullptr;  // also when this throws
        if (watch_ && watch_->left() > 0) current_ = &handles_[watch_->next(deadline_)];
    }

    std::vector<H> handles_;
    std::vector<detail::StateBase*> states_;  // theirs
    std::unique_ptr<detail::Watch> watch_;
    TimePoint deadline_;
    bool owning_;
    H* current_ = nullptr;
};

/// Starts the jobs of a range (callables become tasks) and returns a range that gives their handles,
/// the very ones that were passed in, in the order in which they end; those that had ended before
/// come first, in the order of the arguments; duplicates come once. `begin()` and `++` suspend. They
/// throw no job's error: await the handle for its result.
/// When the time is over and nothing that has ended is left to be given, a step throws TimeoutError,
/// once for each job that is left if one goes on all the same. Jobs are not cancelled by that, nor
/// by a cancellation of the caller, nor when the loop over the range is left early; but jobs that
/// were callables belong to the range: it cancels and joins them when it is destroyed.
/// Throws std::logic_error outside a task, WrongThreadError for jobs of another loop,
/// InvalidStateError for the caller's own task and for empty handles, std::invalid_argument for
/// empty callables.
template <std::ranges::input_range Range>
auto as_completed(Range&& jobs, TimeLimit limit = {})
    -> AsCompleted<detail::JobHandle<detail::JobOf<Range>>> {
    auto started = detail::start_job_range("as_completed", std::forward<Range>(jobs));
    const TimePoint deadline = limit.deadline(detail::loop_now("as_completed"));
    return AsCompleted<detail::JobHandle<detail::JobOf<Range>>>(started, deadline);
}

}  // namespace v0
}  // namespace coir
