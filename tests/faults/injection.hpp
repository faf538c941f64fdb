// SPDX-License-Identifier: BSL-1.0
// One seam for all that coir asks of the world: every system call (the linker gives this program's
// own Sys to all of libcoir, see meson.build), every operator new, every thread and process.
//
// While armed, each of these that can fail is a point, and points are counted. A plan says which one
// fails, with which of the errors that the kernel's manual has for the call, and whether everything
// after it fails too.
//
// Threads: all of the process count together. Nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coir_faults {

enum class Kind : std::uint8_t { calls, memory };

struct Plan {
    Kind kind = Kind::calls;
    std::uint64_t first = 0;  ///< the number of the point that fails, from 1; 0: none
    bool persistent = false;  ///< and all later ones of this kind
    unsigned variant = 0;     ///< which of the call's errors
};

/// Points are counted, and fail as planned, from here on.
void arm(const Plan& plan) noexcept;
void disarm() noexcept;
bool armed() noexcept;
/// Points of the plan's kind since arm().
std::uint64_t points() noexcept;
/// How many of them have failed.
std::uint64_t failures() noexcept;
/// What failed first ("accept4: EMFILE", "operator new"), for reports. A static or fixed buffer.
const char* first_failure() noexcept;
/// Its error (> 0); 0 for memory.
int first_error() noexcept;
/// The most errors that one of the points has had to choose from.
unsigned variants() noexcept;

/// Whether this allocation fails. For memory.cpp.
bool memory_point() noexcept;
/// The error (> 0) that the call fails with, or 0. For calls that do not go through Sys.
int call_point(const char* name, const int* errors, unsigned count) noexcept;

/// Whether a reactor's wait has failed for ever: its loop cannot be closed, and what its tasks hold
/// is left behind.
bool loop_lost() noexcept;

/// Blocks from operator new that have not been freed.
std::int64_t live_blocks() noexcept;

/// close() of a descriptor that is not open, since arm().
std::uint64_t bad_closes() noexcept;

}  // namespace coir_faults
