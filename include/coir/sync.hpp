// SPDX-License-Identifier: BSL-1.0
// Synchronisation between the tasks of one loop: locks, events, conditions, semaphores, barriers, lazy
// values.
//
// What holds for all of them. Threads: one loop's at a time; debug mode tells uses from elsewhere.
// Waiters are served in FIFO order, and what they wait for is theirs when they are woken: nobody can
// get in between, and a cancellation that comes later does not lose it. What need not wait neither
// switches nor allocates, but is a cancellation point all the same. Lifetime: whoever waits should
// not outlive what it waits for; if it does, it waits on until it is cancelled, as run() does at its
// end, and debug mode logs that. Behaviour: asyncio's synchronisation primitives.
#pragma once

#include <coir/barrier.hpp>
#include <coir/condition.hpp>
#include <coir/event.hpp>
#include <coir/lazy.hpp>
#include <coir/lock.hpp>
#include <coir/semaphore.hpp>
#include <coir/shared_lock.hpp>
