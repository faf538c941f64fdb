// SPDX-License-Identifier: BSL-1.0
// Each thread has a mask of signals of its own; the thread of the kernel has that of whoever runs.
// While none does it blocks what all of them block, so that a signal is taken as soon as anyone may
// take it.
//
// Nearly always all have the same mask, and then nothing is done at a switch.
#pragma once

#include "threads.hpp"

namespace coir_deep {

/// The first thread: its mask is the kernel's.
void take_over_mask(Thread& main) noexcept;
/// A new one, before its first step: with this mask. From then on, until it ends, it counts.
void begin_mask(Thread& thread, const sigset_t& mask) noexcept;
void end_mask(Thread& thread) noexcept;

/// Whether nobody takes it but by sigwait() and its kin.
bool blocked_for_all(int signo) noexcept;

/// At switches.
void put_mask_in_place(const Thread& thread) noexcept;
void put_idle_mask_in_place() noexcept;

}  // namespace coir_deep
