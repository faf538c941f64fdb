// SPDX-License-Identifier: BSL-1.0
// See readiness.hpp.
#include "readiness.hpp"

#include <cerrno>
#include <new>

#include <fcntl.h>
#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Operation::reactor_data while it is the readiness part's.
constexpr std::uint64_t in_queue = 1;
constexpr std::uint64_t in_finished = 2;

std::size_t index(Direction direction) noexcept { return static_cast<std::size_t>(direction); }

}  // namespace

bool ReadinessReactor::supports(OpCode code) const noexcept {
    switch (code) {
        case OpCode::open:
        case OpCode::fsync:
        case OpCode::stat:
        case OpCode::count_:
            return false;  // they may wait for a disk: the pool's
        default:
            return true;
    }
}

FdState* ReadinessReactor::state_of(int fd) noexcept {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= table_.size()) {
        try {
            table_.resize(at < 64 ? 64 : at + at / 2 + 1);
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
    return &table_[at];
}

std::uint32_t ReadinessReactor::wanted(const FdState& state) const noexcept {
    std::uint32_t events = 0;
    if (!state.waiting[0].empty()) events |= POLLIN;
    if (!state.waiting[1].empty()) events |= POLLOUT;
    for (const Operation* poller = state.waiting[2].first; poller; poller = poller->next) {
        events |= poller->flags & 0xffffu;
    }
    return events;
}

// One attempt, and what it says about the descriptor.
bool ReadinessReactor::try_on(FdState& state, Direction direction, Operation& operation) noexcept {
    const std::int32_t result = attempt(sys_, operation);
    const bool would_wait = result == -EAGAIN;
    if (direction != Direction::poll && !state.hung_up) {
        // A listener is asked once per event: accept4 on an empty queue costs as much as a
        // connection does.
        const bool accepted = operation.code == OpCode::accept && state.owned;
        if (would_wait || accepted || ran_dry(operation, result)) {
            state.ready[index(direction)] = false;
        }
    }
    operation.result = result;
    return !would_wait;
}

bool ReadinessReactor::try_now(Operation& operation) noexcept {
    operation.reactor_data = 0;
    operation.state = 0;
    const Direction direction = direction_of(operation.code);
    if (direction == Direction::none) {
        operation.result = attempt(sys_, operation);
        ++counters_.immediate;
        return true;
    }
    if (operation.fd < 0) {
        operation.result = -EBADF;
        return true;
    }
    FdState* state = state_of(operation.fd);
    if (!state) {
        operation.result = -ENOMEM;
        return true;
    }
    const bool owned = (operation.hints & hint_owned) != 0;
    if (!state->known || (owned && !state->owned)) {
        if (state->known) fd_closing(operation.fd);  // the number was a foreign descriptor's before
        state->known = true;
        state->owned = owned;
        if (state->owned && operation.code == OpCode::accept) {
            // Of our own making, so that nobody else is surprised: accept() must not wait.
            const long flags = sys_.fcntl(operation.fd, F_GETFL);
            sys_.fcntl(operation.fd, F_SETFL, flags | O_NONBLOCK);
            state->level = true;
        }
    }
    if (direction != Direction::poll) {
        // Those who came first go first. What is known to be dry is not asked again; of a foreign
        // descriptor nothing is known, for others may use it too.
        if (!state->waiting[index(direction)].empty()) return false;
        if (state->owned && !state->ready[index(direction)]) return false;
    }
    if (!try_on(*state, direction, operation)) return false;
    ++counters_.immediate;
    return true;
}

void ReadinessReactor::enqueue(FdState& state, Direction direction, Operation& operation) noexcept {
    FdState::Queue& queue = state.waiting[index(direction)];
    operation.next = nullptr;
    operation.reactor_data = in_queue;
    if (queue.last) {
        queue.last->next = &operation;
    } else {
        queue.first = &operation;
    }
    queue.last = &operation;
}

// try_now() has said that it would wait.                                     // await path 3/7
void ReadinessReactor::submit(Operation& operation) noexcept {
    ++counters_.submitted;
    operation.route = Route::readiness;
    const Direction direction = direction_of(operation.code);
    FdState* state = state_of(operation.fd);
    if (!state) {
        finish(operation, -ENOMEM);
        return;
    }
    enqueue(*state, direction, operation);
    const int error = arm(operation.fd, *state, wanted(*state));
    if (error == 0) return;
    cancel(operation);
    // A file that cannot be waited for is always ready; what it says now is a blocking matter.
    if (error == -EPERM && direction != Direction::poll) operation.route = Route::pool;
    operation.result = error == -EPERM ? -EAGAIN : error;
}

void ReadinessReactor::finish(Operation& operation, std::int32_t result) noexcept {
    ++counters_.completed;
    if (completions_) {
        operation.reactor_data = 0;
        completions_->finish(operation, result);
        return;
    }
    operation.reactor_data = in_finished;
    operation.result = result;
    operation.next = nullptr;
    *finished_last_ = &operation;
    finished_last_ = &operation.next;
}

bool ReadinessReactor::flush_finished(CompletionList& completions) noexcept {
    if (!finished_first_) return false;
    for (Operation* operation = finished_first_; operation;) {
        Operation* next = operation->next;
        completions.finish(*operation, operation->result);
        operation = next;
    }
    finished_first_ = nullptr;
    finished_last_ = &finished_first_;
    return true;
}

void ReadinessReactor::cancel(Operation& operation) noexcept {
    if (operation.reactor_data != in_queue) return;
    ++counters_.cancelled;
    FdState* state = find(operation.fd);
    FdState::Queue& queue = state->waiting[index(direction_of(operation.code))];
    Operation* before = nullptr;
    for (Operation* at = queue.first; at != &operation; at = at->next) before = at;
    (before ? before->next : queue.first) = operation.next;
    if (queue.last == &operation) queue.last = before;
    finish(operation, -ECANCELED);
}

// await path 6/7: the event has come; the calls are made here, and their results handed on.
void ReadinessReactor::on_event(int fd, FdState& state, std::uint32_t revents) noexcept {
    constexpr std::uint32_t trouble = POLLERR | POLLHUP | POLLNVAL;
    if ((revents & (trouble | POLLRDHUP)) != 0) state.hung_up = true;
    if ((revents & (POLLIN | POLLPRI | POLLRDHUP | trouble)) != 0) {
        state.ready[0] = true;
        run_queue(state, Direction::read);
    }
    if ((revents & (POLLOUT | trouble)) != 0) {
        state.ready[1] = true;
        run_queue(state, Direction::write);
    }
    if (!state.waiting[2].empty()) run_pollers(state, revents);
    const std::uint32_t still = wanted(state);
    if (!state.owned && still != 0) {
        arm(fd, state, still);
    } else if (still == 0) {
        unwanted(fd, state);
    }
}

void ReadinessReactor::run_queue(FdState& state, Direction direction) noexcept {
    FdState::Queue& queue = state.waiting[index(direction)];
    while (Operation* operation = queue.first) {
        if (!state.ready[index(direction)] && state.owned) return;
        if (!try_on(state, direction, *operation)) return;
        queue.first = operation->next;
        if (!queue.first) queue.last = nullptr;
        finish(*operation, operation->result);
    }
}

void ReadinessReactor::run_pollers(FdState& state, std::uint32_t revents) noexcept {
    FdState::Queue& queue = state.waiting[2];
    Operation* before = nullptr;
    for (Operation* operation = queue.first; operation;) {
        Operation* next = operation->next;
        const std::uint32_t mask = (operation->flags & 0xffffu) | POLLERR | POLLHUP | POLLNVAL;
        if ((revents & mask) != 0) {
            (before ? before->next : queue.first) = next;
            if (queue.last == operation) queue.last = before;
            finish(*operation, static_cast<std::int32_t>(revents & mask));
        } else {
            before = operation;
        }
        operation = next;
    }
}

void ReadinessReactor::unwanted(int, FdState&) noexcept {}

void ReadinessReactor::fd_closing(int fd) noexcept {
    FdState* state = find(fd);
    if (!state) return;
    for (FdState::Queue& queue : state->waiting) {
        while (queue.first) cancel(*queue.first);
    }
    forget(fd, *state);
    const std::uint32_t generation = state->generation + 1;
    *state = FdState{};
    state->generation = generation;
}

void ReadinessReactor::counters(ReactorCounters& counters) const noexcept { counters = counters_; }

}  // namespace detail
}  // namespace v0
}  // namespace coir
