// SPDX-License-Identifier: BSL-1.0
// The epoll reactor: readiness by epoll(7).
//
// Facts about epoll:
// - A registration belongs to the open file, not to the descriptor: it survives close() while a
//   duplicate lives, and events of it then carry a number that means something else by now. So the
//   data is descriptor + generation, and EPOLL_CTL_DEL comes before every close().
// - Arming and disarming per wait costs more than the wait. Descriptors of coir's own are therefore
//   registered once, edge-triggered, for reading, and from the first wait for it for writing, too:
//   a Unix socket says that there is room after each read of its peer, which would be an event for
//   nothing with every message. Foreign ones, which may be closed behind our back, are one-shot and
//   re-armed: EPOLL_CTL_MOD then says ENOENT, which is how it is noticed.
// - Listeners are level-triggered: one accept per event, no accept4 on an empty queue.
// - Regular files say EPERM: they are always ready.
#include "epoll.hpp"

#include "readiness.hpp"
#include "timeout.hpp"
#include "wake_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <poll.h>
#include <sys/epoll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::uint64_t wake_token = ~std::uint64_t{0};
constexpr std::size_t event_batch = 256;
constexpr std::uint64_t few_events = 32;

// The bits of poll and epoll are the same for these.
static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLPRI == EPOLLPRI &&
              POLLERR == EPOLLERR && POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP);

long make_epoll(Sys& sys) noexcept { return sys(SYS_epoll_create1, EPOLL_CLOEXEC); }

class EpollReactor final : public ReadinessReactor {
public:
    explicit EpollReactor(Sys& sys) : ReadinessReactor(sys), wake_fd_(sys) {
        const long fd = make_epoll(sys);
        if (fd < 0) fail(fd, "epoll_create1");
        epoll_ = static_cast<int>(fd);
        const long added = control(EPOLL_CTL_ADD, wake_fd_.fd(), EPOLLIN | EPOLLET, wake_token);
        if (added < 0) {  // nobody could wake it
            sys.close(epoll_);
            fail(added, "epoll_ctl");
        }
    }
    ~EpollReactor() override { sys_.close(epoll_); }

    std::string_view name() const noexcept override { return "epoll"; }
    std::string details() const override {
        return precise_ ? "edge-triggered, epoll_pwait2" : "edge-triggered, epoll_wait";
    }
    void wake() noexcept override { wake_fd_.wake(); }
    int pollable_fd() const noexcept override { return epoll_; }

    [[gnu::hot]] WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override {
        WaitResult result;
        deadline = begin_wait(completions, deadline);
        const long count = wait_events(deadline, most_events(deadline));
        ++counters_.waits;
        if (deadline != TimePoint::min()) ++counters_.sleeps;
        for (long i = 0; i < count; ++i) handle(events_[static_cast<std::size_t>(i)], result);
        end_wait();
        result.completed = static_cast<std::uint32_t>(completions.size());
        if (count < 0 && count != -EINTR) result.error = static_cast<std::int32_t>(count);
        return result;
    }

private:
    [[noreturn]] static void fail(long error, const char* call) {
        throw std::system_error(static_cast<int>(-error), std::generic_category(),
                                std::string("coir: ") + call);
    }
    static std::uint64_t token(int fd, const FdState& state) noexcept {
        return (static_cast<std::uint64_t>(state.generation) << 32) |
               static_cast<std::uint32_t>(fd);
    }
    long control(int operation, int fd, std::uint32_t events, std::uint64_t data) noexcept {
        ++counters_.arms;
        epoll_event event{};
        event.events = events;
        event.data.u64 = data;
        return sys_(SYS_epoll_ctl, epoll_, operation, fd, &event);
    }

    int arm(int fd, FdState& state, std::uint32_t events) noexcept override {
        std::uint32_t mask;
        if (state.owned && !state.level) {
            mask = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;
            mask |= (events | state.registration) & EPOLLOUT;
            if (state.registration == mask) return 0;
        } else {
            mask = events | (state.level ? 0u : static_cast<std::uint32_t>(EPOLLONESHOT));
            if (state.level && state.registration == mask) return 0;
        }
        long done = -ENOENT;
        if (state.registration != 0) {
            done = control(EPOLL_CTL_MOD, fd, mask, token(fd, state));
            // Another file by now; while a duplicate of the old one lives, so do its events.
            if (done == -ENOENT) ++state.generation;
        }
        if (done == -ENOENT) done = control(EPOLL_CTL_ADD, fd, mask, token(fd, state));
        if (done == -EEXIST) done = control(EPOLL_CTL_MOD, fd, mask, token(fd, state));
        if (done == 0) {
            state.registration = mask;
            state.reads_come = state.owned && !state.level;
        }
        return static_cast<int>(done);
    }
    void forget(int fd, FdState& state) noexcept override {
        if (state.registration != 0) control(EPOLL_CTL_DEL, fd, 0, 0);
    }
    // A level-triggered listener that nobody accepts from would be reported for ever.
    void unwanted(int fd, FdState& state) noexcept override {
        if (!state.level || state.registration == 0) return;
        control(EPOLL_CTL_DEL, fd, 0, 0);
        state.registration = 0;
    }

    // Few events at a time are better than many: what an event has touched is still near when its
    // task runs, and not all receive themselves. As long as the tasks keep up, 32 are enough.
    // Where other work is in between, the share of I/O must not shrink: half of what has been asked
    // for since the last look, which lets a long queue become short again; or all, when that was next
    // to nothing.
    int most_events(TimePoint deadline) noexcept {
        const std::uint64_t asked = counters_.submitted - submitted_before_;
        submitted_before_ = counters_.submitted;
        if (deadline == TimePoint::min() && asked < few_events) return event_batch;
        return static_cast<int>(std::clamp<std::uint64_t>(asked / 2, few_events, event_batch));
    }

    // await path 5/7 ends here, in the kernel
    long wait_events(TimePoint deadline, int most) noexcept {
        if (deadline == TimePoint::min()) {
            return quick_sys_(SYS_epoll_pwait, epoll_, events_.data(), most, 0, nullptr, 0);
        }
        const std::optional<timespec> left = time_until(deadline, sys_);
        if (precise_) {
            const long count = quick_sys_(SYS_epoll_pwait2, epoll_, events_.data(), most,
                                    left ? &*left : nullptr, nullptr, 0);
            if (count != -ENOSYS && count != -EPERM) return count;
            precise_ = false;  // an old kernel, or a sandbox that does not know the call
        }
        // Rounded up: a wait that ends early would spin.
        const long milliseconds =
            left ? left->tv_sec * 1000 + (left->tv_nsec + 999'999) / 1'000'000 : -1;
        return quick_sys_(SYS_epoll_pwait, epoll_, events_.data(), most,
                    static_cast<int>(milliseconds), nullptr, 0);
    }

    void handle(const epoll_event& event, WaitResult& result) noexcept {
        if (event.data.u64 == wake_token) {
            wake_fd_.noticed(false);  // edge-triggered: it need not be read
            ++counters_.wakes;
            result.woken = true;
            return;
        }
        const int fd = static_cast<int>(event.data.u64 & 0xffffffffu);
        FdState* state = find(fd);
        if (!state || token(fd, *state) != event.data.u64) return;  // closed meanwhile
        on_event(fd, *state, event.events);
    }

    WakeFd wake_fd_;
    int epoll_ = -1;
    bool precise_ = true;
    std::uint64_t submitted_before_ = 0;  // counters_.submitted at the last look
    std::array<epoll_event, event_batch> events_;
};

Verdict probe_epoll() {
    Sys& sys = real_sys();
    const long fd = make_epoll(sys);
    if (fd < 0) {
        return {false, "epoll_create1: " + std::generic_category().message(static_cast<int>(-fd)),
                fd == -EMFILE ? "raise the limit on open files (ulimit -n)" : ""};
    }
    epoll_event event{};
    timespec zero{0, 0};
    const long precise = sys(SYS_epoll_pwait2, static_cast<int>(fd), &event, 1, &zero, nullptr, 0);
    sys.close(static_cast<int>(fd));
    return {true, precise == 0 ? "edge-triggered, epoll_pwait2" : "edge-triggered, epoll_wait", ""};
}

}  // namespace

ReactorFactory epoll_factory() {
    return {"epoll", 100, &probe_epoll, [](const ReactorOptions& options) {
                refuse_parameters("epoll", options);
                return std::unique_ptr<Reactor>(std::make_unique<EpollReactor>(*options.sys));
            }};
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
