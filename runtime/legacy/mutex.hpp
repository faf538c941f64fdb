// SPDX-License-Identifier: BSL-1.0
// Mutexes in tasks. See mutex.cpp.
#pragma once

#include "acquire.hpp"

#include <pthread.h>

namespace coir_legacy {

/// In a task: waits, for good when `until` is empty; 0 or the error number, as the functions of
/// pthread.
int lock_mutex(Scheduler& loop, pthread_mutex_t* mutex, const Until& until, const char* what) noexcept;
int try_lock_mutex(Scheduler& loop, pthread_mutex_t* mutex) noexcept;
/// Any thread, in a task or not.
int unlock_mutex(pthread_mutex_t* mutex) noexcept;

}  // namespace coir_legacy
