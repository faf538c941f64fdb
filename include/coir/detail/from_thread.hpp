// SPDX-License-Identifier: BSL-1.0
// A pool thread that waits for a task of a loop. Internal; see from_thread::run() in thread.hpp.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/thread_result.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

struct ThreadHost;

/// Ties a wait on this thread to the to_thread() call that the thread works for, if there is one.
class COIR_API FromThread {
public:
    /// std::logic_error on a thread that runs a loop; CancelledError when the call is cancelled.
    FromThread();
    FromThread(const FromThread&) = delete;
    FromThread& operator=(const FromThread&) = delete;
    ~FromThread();
    /// Cancels `result` when the call is cancelled, also when it has been by now.
    void waits_for(ThreadResultBase& result);
    /// `result` was cancelled: throws CancelledError if that was because the call was.
    void throw_if_cancelled() const;

    /// While the task runs on the call's own loop, what is outside is inside again.
    class COIR_API OnLoop {
    public:
        explicit OnLoop(const FromThread& from) noexcept;
        OnLoop(const OnLoop&) = delete;
        OnLoop& operator=(const OnLoop&) = delete;
        ~OnLoop();

    private:
        Scheduler* scheduler_;
    };

private:
    ThreadHost* const host_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
