// SPDX-License-Identifier: BSL-1.0
// What a thread has of its own: its keys. See symbols.hpp.
#pragma once

#define COIR_LEGACY_THREAD_SYMBOLS(X)
