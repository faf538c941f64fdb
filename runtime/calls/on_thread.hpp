// SPDX-License-Identifier: BSL-1.0
// Calls that wait inside libc, where no wrapper reaches: they are made on a thread.
#pragma once

#include "in_task.hpp"

#include <cerrno>
#include <utility>

namespace coir::inline v0::detail::calls {

/// f() on a thread, with its errno. What is returned when it cannot run: not_run(ECANCELED or
/// ENOMEM).
template <class F, class NotRun>
auto on_thread(Scheduler& loop, hooks::Lane lane, const char* what, F&& f,
               NotRun&& not_run) noexcept -> decltype(f()) {
    struct Job {
        F& f;
        decltype(f()) result;
        int error;
    } job{f, {}, 0};
    const auto run = [](void* argument) {
        Job& self = *static_cast<Job*>(argument);
        errno = 0;
        self.result = self.f();
        self.error = errno;
    };
    switch (hooks::run_job(loop, lane, run, &job, what)) {
        case Woken::event:
            if (job.error != 0) errno = job.error;
            return job.result;
        case Woken::cancelled: return not_run(ECANCELED);
        default: return not_run(ENOMEM);
    }
}

/// For functions that return an error number.
template <class F>
int numbered(Scheduler& loop, const char* what, F&& f) noexcept {
    return on_thread(loop, hooks::Lane::names, what, std::forward<F>(f),
                     [](int error) { return error; });
}
/// For functions that return -1.
template <class F>
auto by_errno(Scheduler& loop, hooks::Lane lane, const char* what, F&& f) noexcept {
    return on_thread(loop, lane, what, std::forward<F>(f),
                     [](int error) -> decltype(f()) { return fail(error); });
}

}  // namespace coir::inline v0::detail::calls
