// SPDX-License-Identifier: BSL-1.0
// Signals that were sent to a thread that blocked them, or had not begun.
#pragma once

#include "threads.hpp"

namespace coir_deep {

void take_signals_slowly(Thread& self) noexcept;

/// The running thread's that it no longer blocks: their handlers run now.
inline void take_signals(Thread& self) noexcept {
    if ((self.signals & ~self.mask) != 0) [[unlikely]]
        take_signals_slowly(self);
}

}  // namespace coir_deep
