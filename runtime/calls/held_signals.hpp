// SPDX-License-Identifier: BSL-1.0
// Signals that a call of one task blocks in the thread while it waits, and other tasks run there.
#pragma once

#include "in_task.hpp"

namespace coir::inline v0::detail::calls {

/// Those of the set that the thread did not block are, until the last one that holds them ends.
class COIR_API HeldSignals {
public:
    HeldSignals(Sys& sys, const sigset_t& set) noexcept;
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals();

    /// The mask of this thread as the program has set it.
    static sigset_t mask_of_program(Sys& sys) noexcept;

private:
    Sys& sys_;
    sigset_t held_;
};

/// See ThreadShare in legacy_hooks.hpp.
unsigned* held_signals_here() noexcept;
void share_held_signals(unsigned* holders) noexcept;

}  // namespace coir::inline v0::detail::calls
