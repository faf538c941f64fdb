// SPDX-License-Identifier: BSL-1.0
// Condition variables, for threads and tasks at once. See condition.cpp.
#pragma once

#include "acquire.hpp"

#include <pthread.h>

namespace coir_legacy {

/// In a task. 0, ETIMEDOUT or another error number.
int wait_for_signal(Scheduler& loop, pthread_cond_t* condition, pthread_mutex_t* mutex,
                    const Until& until, const char* what) noexcept;
/// The clock by which the condition's absolute times are meant.
clockid_t clock_of(const pthread_cond_t& condition) noexcept;
/// Wakes a task. False: none waits.
bool signal_task(pthread_cond_t* condition) noexcept;
void signal_all_tasks(pthread_cond_t* condition) noexcept;

}  // namespace coir_legacy
