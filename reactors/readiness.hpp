// SPDX-License-Identifier: BSL-1.0
// Operations over readiness: what epoll, poll, the simulator and a user's poll-only reactor share.
//
// An operation is tried at once only when that can succeed: when the last transfer filled its
// buffer or an event has come since (the `ready` bit). Otherwise it joins the queue of its
// descriptor and direction, and is carried out in wait() when the event comes: its task is woken
// once, with the result. A receive with hint_receives_itself is left to its task, which makes it when
// it runs: what a socket has in the nearest caches is then still there for the answer.
//
//   ready --a transfer that left room, or EAGAIN--> dry --event--> ready
#pragma once

#include "perform.hpp"
#include "quick_sys.hpp"

#include <coir/reactor.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// What is known of one descriptor: a cache line.
struct alignas(64) FdState {
    struct Queue {
        Operation* first = nullptr;
        Operation* last = nullptr;
        bool empty() const noexcept { return first == nullptr; }
    };
    Queue waiting[3];              ///< by Direction: read, write, poll
    std::uint32_t generation = 0;  ///< changes when the descriptor is closed
    std::uint32_t registration = 0;  ///< the source's: events it has asked the kernel for
    bool ready[2] = {true, true};  ///< read, write: worth trying
    bool unsure = false;           ///< hung up, or urgent data: always worth trying
    bool owned = false;            ///< announced by fd_closing() before it is closed
    bool level = false;            ///< registered level-triggered (listeners)
    bool resting = false;          ///< not asked for writing for a moment: see rest()
    std::uint8_t fruitless = 0;    ///< events for writing in a row after which nothing could be written
    bool reads_come = false;       ///< the source's: arm() for reading has nothing to do any more

    bool awaited() const noexcept {
        return !waiting[0].empty() || !waiting[1].empty() || !waiting[2].empty();
    }
};

static_assert(sizeof(FdState) == 64);

// Aligned so that what a message needs of it is in one page.
class alignas(128) ReadinessReactor : public Reactor {
public:
    explicit ReadinessReactor(Sys& sys) : sys_(sys), quick_sys_(sys) {}

    bool supports(OpCode code) const noexcept final;
    bool try_now(Operation& operation) noexcept final;
    bool begin(Operation& operation) noexcept final;
    std::int32_t send_now(int fd, const void* data, std::size_t size) noexcept final;
    std::int32_t receive_now(Operation& operation) noexcept final;
    void submit(Operation& operation) noexcept final;
    using Reactor::submit;
    using Reactor::cancel;
    void cancel(Operation& operation) noexcept final;
    void fd_closing(int fd) noexcept final;
    bool has_unsent() const noexcept override { return has_finished(); }
    void counters(ReactorCounters& counters) const noexcept override;

protected:
    /// Asks for events of `fd`: `events` (POLLIN, POLLOUT, ...) is what is waited for now. Returns
    /// 0, or -errno (-EPERM: always ready, as regular files are).
    virtual int arm(int fd, FdState& state, std::uint32_t events) noexcept = 0;
    /// The descriptor is being closed.
    virtual void forget(int fd, FdState& state) noexcept = 0;
    /// An event has come that nobody waited for, or who waited was cancelled: sources that would go
    /// on asking stop.
    virtual void unwanted(int fd, FdState& state) noexcept;

    /// Subclasses call this for each event within wait(). `revents` are poll bits.
    void on_event(int fd, FdState& state, std::uint32_t revents) noexcept {
        if (revents == POLLIN && receive_first(state)) [[likely]] return;
        on_any_event(fd, state, revents);
    }
    /// The source cannot watch the descriptor: -errno for whoever waits on it.
    void on_error(FdState& state, std::int32_t error) noexcept;
    /// What each source's wait() begins with: what has completed outside it goes to the list, and those
    /// that have rested long enough go on. -> the deadline of the source's own wait.
    TimePoint begin_wait(CompletionList& completions, TimePoint deadline) noexcept;
    bool has_finished() const noexcept { return finished_first_ != nullptr; }
    FdState* find(int fd) noexcept {
        return static_cast<std::size_t>(fd) < table_.size() ? &table_[static_cast<std::size_t>(fd)]
                                                            : nullptr;
    }
    std::uint32_t wanted(const FdState& state) const noexcept;
    void end_wait() noexcept { completions_ = nullptr; }

    Sys& sys_;
    QuickSys quick_sys_;  // sys_, for the calls of every message
    ReactorCounters counters_;

private:
    FdState* state_of(int fd, std::int32_t& error) noexcept {
        FdState* const known = find(fd);
        return known ? known : make_state(fd, error);
    }
    FdState* make_state(int fd, std::int32_t& error) noexcept;
    void prepare(FdState& state, const Operation& operation) noexcept;
    void adopt(int fd, FdState& state) noexcept;
    void enqueue(FdState& state, Direction direction, Operation& operation) noexcept;
    void dequeue(FdState& state, Operation& operation) noexcept;
    void give_up(FdState& state, Operation& operation, std::int32_t error) noexcept;
    void finish(Operation& operation, std::int32_t result) noexcept;
    void on_any_event(int fd, FdState& state, std::uint32_t revents) noexcept;
    bool receive_first(FdState& state) noexcept;
    std::int32_t receive(FdState& state, Operation& operation) noexcept;
    static void note_futile_event() noexcept;
    void run_queue(FdState& state, Direction direction) noexcept;
    void run_pollers(FdState& state, std::uint32_t revents) noexcept;
    bool try_on(FdState& state, Direction direction, Operation& operation) noexcept;
    void rest(int fd, FdState& state) noexcept;
    TimePoint wake_rested(TimePoint deadline) noexcept;
    bool flush_finished(CompletionList& completions) noexcept;

    struct Rest {
        TimePoint until;
        int fd;
        std::uint32_t generation;
    };

    std::vector<FdState> table_;
    std::vector<Rest> rests_;  // few, in the order of their ends
    CompletionList* completions_ = nullptr;  // set within wait()
    Operation* finished_first_ = nullptr;
    Operation** finished_last_ = &finished_first_;
};

/// For reactors that take no parameters: throws when some were given.
void refuse_parameters(const char* reactor, const ReactorOptions& options);

}  // namespace detail
}  // namespace v0
}  // namespace coir
