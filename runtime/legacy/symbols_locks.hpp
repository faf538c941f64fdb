// SPDX-License-Identifier: BSL-1.0
// Locks, condition variables, semaphores, and waiting for threads. See symbols.hpp.
#pragma once

#define COIR_LEGACY_LOCK_SYMBOLS(X)
