// SPDX-License-Identifier: BSL-1.0
// What programs that link libcoir-legacy may need to say to it. See docs/legacy.md.
#pragma once

#include <coir/detail/config.hpp>

#include <cstddef>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
class TaskBase;
}

namespace legacy {

/// Groups of libc's functions, as in the environment variable COIR_LEGACY. close() and the like,
/// which keep the runtime's view of descriptors true, belong to every group. `all` is without the
/// last two: `stdio` makes streams (fdopen, fopen) of pipes, sockets and terminals whose reads and
/// writes suspend the task, and each of which belongs to one task at a time; `files` makes reads,
/// writes and syncs of regular files, which wait for a disk, on threads of the loop's pool.
enum class Calls : unsigned {
    io = 1, sleep = 2, dns = 4, locks = 16, keys = 32, proc = 64,
    all = 119,
    stdio = 128, files = 256,
};
constexpr Calls operator|(Calls a, Calls b) noexcept {
    return static_cast<Calls>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// What a patch has done.
struct Patched {
    std::size_t libraries;  ///< loaded ones that the pattern matches
    std::size_t calls;      ///< slots that lead to coir now and did not before: none of what COIR_LEGACY leaves out
};

/// Lets the blocking calls of chosen libraries suspend the calling task, with nothing linked or
/// preloaded: in each loaded library whose file name matches `pattern` (as by fnmatch(3):
/// "libpq.so.5", "libcurl*"; the program itself has the name of its executable), the slots through
/// which it calls libc are led to libcoir-legacy, which is loaded from beside libcoir or from
/// where the loader looks. Reaches libraries that were loaded with RTLD_DEEPBIND, too; not those
/// that are loaded later: call it again, what is patched already does not matter.
///
/// Functions that install signal handlers are not among what is led there.
///
/// Throws std::invalid_argument when no loaded library matches, or only those that are never patched
/// (libc's own and coir's), or `what` is not made of groups, std::runtime_error when libcoir-legacy cannot be loaded or belongs to
/// another copy of coir than the caller's, std::system_error when the kernel refuses. Nothing is
/// patched then. Any thread; a call that another thread is in goes on as it began.
COIR_API Patched patch(const std::string& pattern, Calls what = Calls::all);
/// Leads everything that patch() has changed back to where it led before. Calls that are in
/// progress end as they began. Throws std::system_error. Any thread.
COIR_API void unpatch();

}  // namespace legacy

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

/// As long as one lives, the current task must not be suspended: libc's blocking calls block the
/// thread, as in a blocking_region, and a call of coir's that suspends ends the process. For code
/// that nothing of its loop may come in between of. Outside tasks it does nothing.
class COIR_API no_suspend {
public:
    no_suspend() noexcept;
    no_suspend(const no_suspend&) = delete;
    no_suspend& operator=(const no_suspend&) = delete;
    ~no_suspend();

private:
    blocking_region blocking_;
    const bool in_task_;
};

}  // namespace v0
}  // namespace coir
