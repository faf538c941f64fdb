// SPDX-License-Identifier: BSL-1.0
// See fd_watch.hpp.
#include "fd_watch.hpp"

#include "loop_object.hpp"

#include <coir/error.hpp>
#include <coir/reactor.hpp>

#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

const char* name_of(FdSide side) noexcept {
    return side == FdSide::read ? "add_reader" : "add_writer";
}

// Character devices and the kernel's own descriptors do not show whether they can be polled.
long try_epoll(Sys& sys, int fd) noexcept {
    const long epoll = sys(SYS_epoll_create1, EPOLL_CLOEXEC);
    if (epoll < 0) return 0;  // then nobody can tell
    epoll_event event{};
    event.events = EPOLLIN;
    const long added = sys(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event);
    sys.close(static_cast<int>(epoll));
    return added == -EPERM ? added : 0;
}

void require_pollable(Sys& sys, int fd, FdSide side) {
    struct stat info;
    long error = sys(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH);
    if (error == 0) {
        if (S_ISSOCK(info.st_mode) || S_ISFIFO(info.st_mode)) return;
        const bool disk = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode);
        error = disk ? -EPERM : try_epoll(sys, fd);
    }
    if (error == -EPERM) {
        throw_io(error, name_of(side), fd,
                 "files and other descriptors that are always ready cannot be watched");
    }
    if (error < 0) throw_io(error, name_of(side), fd);
}

}  // namespace

struct FdWatch : Operation, ReadyEntry {
    enum class State : std::uint8_t { in_flight, queued, running };

    FdWatch(FdWatches& watches, FdSide which) noexcept : owner(watches), side(which) {
        code = OpCode::poll;
        complete = [](Operation& operation) noexcept {
            static_cast<FdWatch&>(operation).completed();
        };
        run = [](ReadyEntry& entry) noexcept { static_cast<FdWatch&>(entry).its_turn(); };
    }
    FdWatch(const FdWatch&) = delete;
    FdWatch& operator=(const FdWatch&) = delete;

    void completed() noexcept {
        --owner.in_flight_;
        owner.scheduler_.operation_ended();
        if (!callback) {
            delete this;
        } else if (result < 0 || (result & POLLNVAL) != 0) {
            owner.give_up(*this);
        } else {
            state = State::queued;
            owner.scheduler_.push_ready(*this);
        }
    }
    void its_turn() noexcept {
        if (callback) {
            state = State::running;
            CallbackBase& called = *callback;
            called.add_ref();  // it may remove itself
            called.call();
            called.drop_ref();
        }
        if (callback) {
            owner.submit(*this);
        } else {
            delete this;
        }
    }

    FdWatches& owner;
    CallbackBase* callback = nullptr;  ///< null: removed
    const FdSide side;
    State state = State::in_flight;
};

FdWatch** FdWatches::slot(int fd, FdSide side) noexcept {
    const auto at = static_cast<std::size_t>(fd);
    if (fd < 0 || at >= table_.size()) return nullptr;
    return &table_[at][static_cast<std::size_t>(side)];
}

void FdWatches::add(int fd, FdSide side, CallbackBase& callback) {
    if (fd < 0) {
        throw std::invalid_argument(std::string("coir: ") + name_of(side) + "(" +
                                    std::to_string(fd) + "): a descriptor is not negative");
    }
    if (scheduler_.owned_fds().contains(fd)) {
        throw std::logic_error(std::string("coir: ") + name_of(side) + "(" + std::to_string(fd) +
                               "): the descriptor is a coir stream's, socket's or listener's, which "
                               "waits for it itself");
    }
    require_pollable(scheduler_.sys(), fd, side);
    const auto at = static_cast<std::size_t>(fd);
    if (at >= table_.size()) table_.resize(at < 32 ? 32 : at + at / 2 + 1);
    auto watch = std::make_unique<FdWatch>(*this, side);
    scheduler_.bind_to_this_thread();
    watch->fd = fd;
    watch->flags = side == FdSide::read ? POLLIN : POLLOUT;
    watch->callback = &callback;
    FdWatch*& place = *slot(fd, side);
    // A new operation also when there was one: the number may mean another file by now.
    if (place) drop(*place);
    place = watch.release();
    submit(*place);
}

void FdWatches::submit(FdWatch& watch) noexcept {
    watch.state = FdWatch::State::in_flight;
    watch.route = Route::undecided;
    watch.next = nullptr;
    watch.reactor_data = 0;
    ++in_flight_;
    scheduler_.operation_started();
    scheduler_.reactor().submit(watch);
}

void FdWatches::drop(FdWatch& watch) noexcept {
    *slot(watch.fd, watch.side) = nullptr;
    std::exchange(watch.callback, nullptr)->drop_ref();
    if (watch.state == FdWatch::State::in_flight) scheduler_.reactor().cancel(watch);
}

// The reactor can no longer watch the descriptor. Closed by way of coir, that is as it should be.
void FdWatches::give_up(FdWatch& watch) noexcept {
    const int error = watch.result == -ECANCELED ? 0 : watch.result < 0 ? -watch.result : EBADF;
    const int fd = watch.fd;
    const FdSide side = watch.side;
    *slot(fd, side) = nullptr;
    std::exchange(watch.callback, nullptr)->drop_ref();
    delete &watch;
    if (error == 0) return;
    try {
        throw_io(-error, name_of(side), fd);
    } catch (...) {
        scheduler_.report_current("a descriptor cannot be watched any longer");
    }
}

bool FdWatches::remove(int fd, FdSide side) noexcept {
    FdWatch** place = slot(fd, side);
    if (!place || !*place) return false;
    drop(**place);
    return true;
}

void FdWatches::closing(int fd) noexcept {
    remove(fd, FdSide::read);
    remove(fd, FdSide::write);
}

void FdWatches::close() noexcept {
    for (std::size_t fd = 0; fd < table_.size(); ++fd) closing(static_cast<int>(fd));
    // Cancelled polls come back at once; bounded all the same.
    for (int round = 0; in_flight_ > 0 && round < 100; ++round) {
        if (!scheduler_.collect(std::chrono::milliseconds(10))) return;
    }
}

void watch_fd(CallbackBase& callback, int fd, FdSide side) {
    callback.scheduler().fd_watches().add(fd, side, callback);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
