// SPDX-License-Identifier: BSL-1.0
// Futexes in tasks, for what waits by system calls of its own: std::atomic::wait, std::latch,
// std::future, the guards of static variables.
#pragma once

#include "acquire.hpp"

namespace coir_legacy {

/// Suspends the task as long as the word is `expected`: until somebody wakes it. 0 or an error
/// number: EAGAIN, ETIMEDOUT. Also returns 0 for nothing at all, as the kernel may.
int futex_wait_in_task(Scheduler& loop, const int* word, int expected, const Until& until,
                       unsigned bits, bool unseen, const char* what) noexcept;

}  // namespace coir_legacy
