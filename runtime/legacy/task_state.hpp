// SPDX-License-Identifier: BSL-1.0
// What a task has of its own that libc keeps per thread. Made at the first need, ended at the end of
// the task, on its fiber.
#pragma once

#include "../legacy_hooks.hpp"

#include <cstddef>

#include <locale.h>
#include <pthread.h>

namespace coir_legacy {

namespace hooks = coir::detail::legacy;

struct KeyValue {
    unsigned generation;  ///< of the key; another one: the value was of a key that is deleted
    void* value;
};

struct HeldLock {
    const void* lock;
    bool said;
};

struct TaskState {
    // keys.cpp
    KeyValue* values = nullptr;
    unsigned value_count = 0;
    // locale.cpp
    locale_t locale = nullptr;  ///< null: the thread's
    int host_error = 0;
    // held_locks.cpp
    HeldLock* held = nullptr;
    unsigned held_count = 0;
    unsigned held_room = 0;
};

/// The current task's; null when it has none, and outside tasks.
inline TaskState* task_state() noexcept {
    void** const slot = hooks::task_slot();
    return slot ? static_cast<TaskState*>(*slot) : nullptr;
}
/// The same, made when there is none; null also without memory.
TaskState* need_task_state() noexcept;

/// Parts of the end of a task.
bool run_key_destructors(TaskState& state);
void end_locale(TaskState& state) noexcept;

}  // namespace coir_legacy
