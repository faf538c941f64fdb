// SPDX-License-Identifier: BSL-1.0
// What the parts of the C API share: from exceptions to errno, timeouts, handles.
#pragma once

#include <coir/coir.h>
#include <coir/error.hpp>
#include <coir/task.hpp>
#include <coir/timeout.hpp>

#include "../scheduler.hpp"

#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>

namespace coir::inline v0::detail::capi {

inline int fail(int error) noexcept {
    errno = error;
    return -1;
}

/// The errno that stands for the exception in flight; a cancellation is put back.
int error_of_current() noexcept;

/// f(), with what it throws as errno.
template <class F>
int guard(F&& f) noexcept {
    try {
        std::forward<F>(f)();
        return 0;
    } catch (...) {
        return fail(error_of_current());
    }
}

/// The same for what waits: in a task only, and not longer than `limit`.
template <class F>
int wait(std::int64_t limit, F&& f) noexcept {
    if (!current_task_state()) return fail(EPERM);
    return guard([&] {
        if (limit < 0) {
            f();
        } else {
            with_timeout(Nanoseconds(limit), f);
        }
    });
}

/// A new object for a handle; null and ENOMEM.
template <class T, class... Args>
T* make(Args&&... args) noexcept {
    try {
        return new T(std::forward<Args>(args)...);
    } catch (...) {
        errno = error_of_current();
        return nullptr;
    }
}

/// What `attr` says. False: it is not a valid one.
bool read_attributes(const coir_attr* attr, TaskOptions& options);

/// Ends the regions that the current task has left open.
void end_regions() noexcept;

/// The callable of every task that is made here.
struct Body {
    void (*fn)(void*);
    void* argument;
    void operator()() const {
        struct End {
            ~End() { end_regions(); }
        } end;
        fn(argument);
    }
};

}  // namespace coir::inline v0::detail::capi
