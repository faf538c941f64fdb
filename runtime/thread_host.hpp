// SPDX-License-Identifier: BSL-1.0
// A to_thread() call as its pool thread sees it. It lives on the stack of the task that waits.
#pragma once

#include <coir/detail/futex_lock.hpp>
#include "scheduler.hpp"

#include <coir/detail/thread_result.hpp>

#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

struct ThreadHost {
    TaskBase* task = nullptr;
    FutexLock lock;
    // These with the lock.
    bool cancelled = false;
    std::string reason;
    ThreadResultBase* waits_for = nullptr;

    /// The loop: the task is cancelled.
    void cancel() noexcept;

    /// Makes it this thread's.
    class Here {
    public:
        explicit Here(ThreadHost& host) noexcept;
        Here(const Here&) = delete;
        Here& operator=(const Here&) = delete;
        ~Here();
    };
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
