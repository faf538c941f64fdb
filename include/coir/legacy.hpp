// SPDX-License-Identifier: BSL-1.0
// What programs that link libcoir-legacy may need to say to it. See docs/legacy.md.
#pragma once

#include <coir/detail/config.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
class TaskBase;
}

/// As long as one lives, blocking libc calls of the task that made it block the thread, as they do
/// without coir: for code that must not be interrupted by other tasks of its loop. Other tasks are
/// not affected, and coir's own calls suspend as ever. Outside tasks it does nothing. Belongs to
/// one task (a local variable); regions nest. Never throws; harmless without libcoir-legacy.
class COIR_API blocking_region {
public:
    blocking_region() noexcept;
    blocking_region(const blocking_region&) = delete;
    blocking_region& operator=(const blocking_region&) = delete;
    ~blocking_region();

    /// Whether the current task is in a region.
    static bool active() noexcept;

private:
    friend bool in_blocking_region(const detail::TaskBase* task) noexcept;

    const detail::TaskBase* task_;
    blocking_region* next_;
    blocking_region* previous_ = nullptr;
};

}  // namespace v0
}  // namespace coir
