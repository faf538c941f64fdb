// SPDX-License-Identifier: BSL-1.0
// FsWatcher, over inotify.
//
// Facts about inotify:
// - a read brings whole events only, and fails when the buffer has no room for the first one.
// - after IN_IGNORED a watch is gone, whoever ended it; its number is not used again.
// - a queue that is full gets one IN_Q_OVERFLOW, of no watch.
#include <coir/fs_watcher.hpp>

#include <fcntl.h>
#include <sys/inotify.h>

#include <cerrno>
#include <coir/error.hpp>
#include <coir/sync.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "file_state.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::uint32_t watched = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_EXCL_UNLINK;
constexpr std::size_t buffer_size = 16 * 1024;

struct KindOfBit {
    std::uint32_t bit;
    FsEventKind kind;
};
constexpr KindOfBit kinds[] = {
    {IN_CREATE, FsEventKind::created},           {IN_MODIFY, FsEventKind::modified},
    {IN_CLOSE_WRITE, FsEventKind::written},      {IN_ATTRIB, FsEventKind::attributes},
    {IN_DELETE, FsEventKind::deleted},           {IN_MOVED_FROM, FsEventKind::moved_from},
    {IN_MOVED_TO, FsEventKind::moved_to},        {IN_IGNORED, FsEventKind::watch_ended},
    {IN_MOVE_SELF, FsEventKind::watch_moved},    {IN_Q_OVERFLOW, FsEventKind::overflow},
};

std::optional<FsEventKind> kind_of(std::uint32_t mask) noexcept {
    for (const KindOfBit& known : kinds) {
        if ((mask & known.bit) != 0) return known.kind;
    }
    return std::nullopt;  // IN_UNMOUNT: IN_IGNORED comes behind it
}

}  // namespace

class FsWatcherState final : public LoopFd {
public:
    FsWatcherState(Scheduler& scheduler, int fd, std::unique_ptr<char[]> buffer) noexcept
        : LoopFd(scheduler, fd), buffer_(std::move(buffer)) {}

    void add(const std::string& path) {
        require_own_task("FsWatcher::add");
        const auto keep = LoopPtr<FsWatcherState>::share(this);
        // Finding the file may wait for a disk: a thread does it, and the kernel remembers it.
        const long found = call_in_pool(scheduler(), "FsWatcher::add", [&path](Sys& sys) {
            return sys(SYS_faccessat, AT_FDCWD, path.c_str(), R_OK);
        });
        if (found < 0) throw_path_error(found, "FsWatcher::add", path);
        if (!is_open()) throw_io(-ECANCELED, "FsWatcher::add", -1, "it was closed meanwhile");
        const long watch = sys()(SYS_inotify_add_watch, fd(), path.c_str(), watched);
        if (watch < 0) throw_path_error(watch, "FsWatcher::add", path);
        paths_.insert_or_assign(static_cast<int>(watch), path);
    }

    bool remove(std::string_view path) {
        for (auto at = paths_.begin(); at != paths_.end(); ++at) {
            if (at->second != path) continue;
            sys()(SYS_inotify_rm_watch, fd(), at->first);
            paths_.erase(at);
            return true;
        }
        return false;
    }

    FsEvent next() {
        require_own_task("FsWatcher::next").check_cancelled();
        const auto keep = LoopPtr<FsWatcherState>::share(this);
        const std::unique_lock turn(turn_);
        for (;;) {
            while (begin_ != end_) {
                if (auto event = take_event()) {
                    scheduler().spend_credit();
                    return std::move(*event);
                }
            }
            fill();
        }
    }

private:
    void fill() {
        for (;;) {
            if (!is_open()) throw_io(-ECANCELED, "FsWatcher::next", -1, "it was closed meanwhile");
            TaskOperation operation;
            operation.code = OpCode::read;
            operation.hints = hint_owned;
            operation.fd = fd();
            operation.buffer = buffer_.get();
            operation.size = buffer_size;
            const std::int32_t result = scheduler().perform(operation, "FsWatcher::next");
            if (result == -ECANCELED) continue;  // closed; or a request that was taken back
            if (result < 0) throw_io(result, "FsWatcher::next", fd());
            begin_ = 0;
            end_ = static_cast<std::size_t>(result);
            return;
        }
    }

    // Nothing: one that nobody wants to know of.
    std::optional<FsEvent> take_event() {
        inotify_event raw;
        const char* at = buffer_.get() + begin_;
        std::memcpy(&raw, at, sizeof raw);
        const auto kind = kind_of(raw.mask);
        const auto watch = paths_.find(raw.wd);
        std::optional<FsEvent> event;
        if (kind == FsEventKind::overflow) {
            event.emplace();
        } else if (kind && watch != paths_.end()) {
            event = FsEvent{*kind, (raw.mask & IN_ISDIR) != 0, raw.cookie, watch->second};
            if (raw.len != 0) append_name(event->path, at + sizeof raw);
            if (kind == FsEventKind::watch_ended) paths_.erase(watch);
        }
        begin_ += sizeof raw + raw.len;  // last: what throws above loses nothing
        return event;
    }
    static void append_name(std::string& path, const char* name) {
        if (path.back() != '/') path += '/';
        path += name;
    }

    std::unordered_map<int, std::string> paths_;
    Lock turn_;
    std::unique_ptr<char[]> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

namespace {

void drop_watcher(FsWatcherState* state) noexcept {
    if (!state) return;
    drop_on_loop(*state, [](LoopObject& object) noexcept {
        static_cast<FsWatcherState&>(object).close_now();
        object.drop_ref();
    });
}

}  // namespace
}  // namespace detail

const char* to_string(FsEventKind kind) noexcept {
    switch (kind) {
        case FsEventKind::created:
            return "created";
        case FsEventKind::modified:
            return "modified";
        case FsEventKind::written:
            return "written";
        case FsEventKind::attributes:
            return "attributes";
        case FsEventKind::deleted:
            return "deleted";
        case FsEventKind::moved_from:
            return "moved_from";
        case FsEventKind::moved_to:
            return "moved_to";
        case FsEventKind::watch_ended:
            return "watch_ended";
        case FsEventKind::watch_moved:
            return "watch_moved";
        case FsEventKind::overflow:
            return "overflow";
    }
    return "unknown";
}

FsWatcher::FsWatcher() {
    detail::Scheduler& scheduler = detail::running_scheduler("FsWatcher");
    Fd fd(static_cast<int>(detail::check_io(
        scheduler.sys()(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK), "making an FsWatcher")));
    auto buffer = std::make_unique<char[]>(detail::buffer_size);
    // From here on nothing fails while the descriptor has two owners.
    state_ = detail::LoopPtr<detail::FsWatcherState>::make(scheduler, fd.get(), std::move(buffer))
                 .release();
    static_cast<void>(fd.release());
}

FsWatcher::~FsWatcher() { detail::drop_watcher(state_); }

FsWatcher& FsWatcher::operator=(FsWatcher&& other) noexcept {
    if (this != &other) {
        detail::drop_watcher(std::exchange(state_, std::exchange(other.state_, nullptr)));
    }
    return *this;
}

detail::FsWatcherState& FsWatcher::open_state(const char* call) const {
    if (!state_ || !state_->is_open()) detail::throw_io(-EBADF, call, -1, "the watcher is closed");
    return *state_;
}

void FsWatcher::add(detail::PathView path) {
    detail::enter_suspension_point("FsWatcher::add");
    open_state("FsWatcher::add").add(detail::checked_path(path, "FsWatcher::add"));
}
bool FsWatcher::remove(detail::PathView path) {
    return open_state("FsWatcher::remove").remove(path.text());
}
FsEvent FsWatcher::next() { return open_state("FsWatcher::next").next(); }
void FsWatcher::close() noexcept {
    if (state_) state_->close_now();
}
bool FsWatcher::is_open() const noexcept { return state_ && state_->is_open(); }

}  // namespace v0
}  // namespace coir
