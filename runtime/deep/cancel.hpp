// SPDX-License-Identifier: BSL-1.0
// pthread_cancel: a request to the thread's task ends its wait (libcoir-legacy's calls fail with
// ECANCELED then), and the function in which it waited ends the thread when coir's frames are left.
#pragma once

#include "threads.hpp"

namespace coir_deep {

/// Ends the thread, by pthread_exit().
void act_on_cancel(Thread& self);

/// Of the running thread, at a point where it may be cancelled; on real threads nothing.
inline void cancellation_point() {
    Thread* const self = this_thread();
    if (self && self->cancel_asked && !self->cancel_disabled) [[unlikely]]
        act_on_cancel(*self);
}

/// Tells the task, unless the thread does not want to know.
void pass_cancel_on(Thread& thread) noexcept;

}  // namespace coir_deep
