// SPDX-License-Identifier: BSL-1.0
// FsWatcher: being told of changes to files and directories, by inotify(7).
//
// Threads: the loop's thread only. Errors: IoError naming the call and the path; EBADF once closed.
// ENOSPC from add() means that fs.inotify.max_user_watches is reached. Not recursive: a directory
// is watched with what is directly in it, and one that appears in it has to be added. The kernel
// tells only of changes made through this machine: not of other clients of a network file system.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/path_view.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
class FsWatcherState;
}

enum class FsEventKind : std::uint8_t {
    created,       ///< in a directory that is watched; also links, and directories
    modified,      ///< written or truncated
    written,       ///< closed by somebody who could write: the moment to read it
    attributes,    ///< mode, owner, times, number of links
    deleted,       ///< from a directory that is watched
    moved_from,    ///< renamed; the moved_to with the same `cookie` says to what, if that is watched
    moved_to,
    watch_ended,   ///< what was watched is gone or unmounted: no more events from it
    watch_moved,   ///< what was watched has another name now; events keep the old one
    overflow,      ///< the kernel's queue was full and events are lost: look at everything anew
};
COIR_API const char* to_string(FsEventKind kind) noexcept;

struct FsEvent {
    FsEventKind kind = FsEventKind::overflow;
    bool is_directory = false;
    std::uint32_t cookie = 0;  ///< joins moved_from and moved_to
    /// As given to add(), with the name behind it if it was a directory. Empty for overflow.
    std::string path;
};

class COIR_API FsWatcher {
public:
    /// Throws std::logic_error outside a loop, IoError (EMFILE: max_user_instances is reached).
    FsWatcher();
    FsWatcher(FsWatcher&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    FsWatcher& operator=(FsWatcher&& other) noexcept;
    ~FsWatcher();

    /// Watches a file or a directory, from now on. Adding what is watched already changes the path
    /// in its events.
    COIR_SUSPENDS void add(detail::PathView path);
    /// Ends it; what has happened but was not fetched is dropped. False: it was not watched by that
    /// path.
    bool remove(detail::PathView path);
    /// The next event, in the order in which things happened. The kernel merges an event with an
    /// equal one before it. Several tasks are served in turn. A cancelled call loses none.
    /// IoError(ECANCELED) when another task closes the watcher.
    COIR_SUSPENDS FsEvent next();
    /// Twice is harmless.
    void close() noexcept;
    bool is_open() const noexcept;

private:
    detail::FsWatcherState& open_state(const char* call) const;

    detail::FsWatcherState* state_ = nullptr;
};

}  // namespace v0
}  // namespace coir
