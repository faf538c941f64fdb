// SPDX-License-Identifier: BSL-1.0
// Which thread a task is, and its block in place whenever it runs.
#pragma once

#include "threads.hpp"

namespace coir_deep {

/// Of the loop that runs here. False: no memory.
bool watch_switches() noexcept;

/// A task that is a thread, from its creation to its end.
bool add_task(Thread& thread) noexcept;
void remove_task(Thread& thread) noexcept;

/// A thread waits for its first step.
void await_first_step() noexcept;
/// It does it now: its block is put in place.
void first_step(Thread& thread) noexcept;
/// It did the last one.
void last_step() noexcept;

}  // namespace coir_deep
