// SPDX-License-Identifier: BSL-1.0
// See readiness.hpp.
#include "readiness.hpp"

#include <coir/detail/sometimes.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Operation::reactor_data while it is the readiness part's.
constexpr std::uint64_t in_queue = 1;
constexpr std::uint64_t in_finished = 2;

// Fruitless events before a descriptor has to rest, and for how long.
constexpr std::uint8_t patience = 8;
constexpr Nanoseconds rest_time = std::chrono::milliseconds(1);

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

FdState* ReadinessReactor::make_state(int fd, std::int32_t& error) noexcept {
    error = -EBADF;
    // A wild number must not make us allocate gigabytes.
    if (fd < 0 || sys_.fcntl(fd, F_GETFD) < 0) return nullptr;
    const auto at = static_cast<std::size_t>(fd);
    error = -ENOMEM;
    try {
        table_.resize(at < 64 ? 64 : at + at / 2 + 1);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return &table_[at];
}

std::uint32_t ReadinessReactor::wanted(const FdState& state) const noexcept {
    std::uint32_t events = 0;
    if (!state.waiting[0].empty()) events |= POLLIN;
    if (!state.waiting[1].empty() && !state.resting) events |= POLLOUT;
    // These two come unasked. They are named so that a poller that wants nothing else counts.
    for (const Operation* poller = state.waiting[2].first; poller; poller = poller->next) {
        events |= (poller->flags & 0xffffu) | POLLERR | POLLHUP;
    }
    return events;
}

// One attempt, and what it says about the descriptor.
bool ReadinessReactor::try_on(FdState& state, Direction direction, Operation& operation) noexcept {
    const std::int32_t result = attempt(sys_, operation);
    const bool would_wait = result == -EAGAIN;
    const bool is_telling = direction != Direction::poll && !looks_elsewhere(operation);
    if (is_telling && !state.unsure) {
        // A listener is asked once per event: accept4 on an empty queue costs as much as a
        // connection does.
        const bool accepted = operation.code == OpCode::accept && state.owned;
        if (would_wait || accepted || ran_dry(operation, result)) {
            state.ready[index(direction)] = false;
        }
    }
    operation.result = result;
    return !would_wait || is_final(operation);
}

// What must be known before the first operation of its kind.
void ReadinessReactor::prepare(FdState& state, const Operation& operation) noexcept {
    const bool owned = (operation.hints & hint_owned) != 0;
    if (owned && !state.owned) adopt(operation.fd, state);
    if (!state.owned || state.level || operation.code != OpCode::accept) return;
    // Of our own making, so that nobody else is surprised: accept() must not wait.
    const long flags = sys_.fcntl(operation.fd, F_GETFL);
    sys_.fcntl(operation.fd, F_SETFL, flags | O_NONBLOCK);
    state.level = true;
}

// The descriptor turns out to be coir's own and may stay registered from now on. What is known of
// the number may be about another one; but whoever waits on it goes on waiting.
void ReadinessReactor::adopt(int fd, FdState& state) noexcept {
    forget(fd, state);
    ++state.generation;
    state.registration = 0;
    state.reads_come = false;
    state.ready[0] = state.ready[1] = true;
    state.unsure = false;
    state.resting = false;
    state.owned = true;
    const std::uint32_t events = wanted(state);
    const int error = events != 0 ? arm(fd, state, events) : 0;
    if (error != 0) on_error(state, error);
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
    FdState* state = state_of(operation.fd, operation.result);
    if (!state) return true;
    const bool owned = (operation.hints & hint_owned) != 0;
    if (owned != state->owned || operation.code == OpCode::accept) [[unlikely]] prepare(*state, operation);
    if (direction != Direction::poll && !is_final(operation)) {
        // Those who came first go first. What is known to be dry is not asked again; of a foreign
        // descriptor nothing is known, for others may use it too.
        if (!state->waiting[index(direction)].empty()) {
            COIR_SOMETIMES("readiness: somebody waits already");
            return false;
        }
        if (state->owned && !state->ready[index(direction)]) return false;
    }
    if (!try_on(*state, direction, operation)) return false;
    ++counters_.immediate;
    return true;
}

// What nearly every operation is, a receive on a stream that is known to be dry, only joins the queue;
// the events come unasked.
[[gnu::hot]] bool ReadinessReactor::begin(Operation& operation) noexcept {
    FdState* const state = find(operation.fd);
    if (!state || !state->reads_come || state->ready[0] || !state->waiting[0].empty() ||
        !is_plain_receive(operation)) [[unlikely]] {
        if (try_now(operation)) return true;
        submit(operation);
        return false;
    }
    operation.route = Route::readiness;
    operation.reactor_data = in_queue;
    state->waiting[0] = {&operation, &operation};
    ++counters_.submitted;
    return false;
}

[[gnu::hot]] std::int32_t ReadinessReactor::send_now(int fd, const void* data, std::size_t size) noexcept {
    FdState* const state = find(fd);
    if (!state || !state->owned || !state->ready[1] || !state->waiting[1].empty()) [[unlikely]] {
        return -EAGAIN;
    }
    long result;
    do {
        result = quick_sys_(SYS_sendto, fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
    } while (result == -EINTR);
    // As of try_on() and ran_dry(): what did not take all is full.
    const bool full = result == -EAGAIN || (result >= 0 && static_cast<std::size_t>(result) < size);
    if (full && !state->unsure) state->ready[1] = false;
    if (result != -EAGAIN) ++counters_.immediate;
    return static_cast<std::int32_t>(result);
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
    std::int32_t error = 0;
    FdState* state = state_of(operation.fd, error);
    if (!state) {
        finish(operation, error);
        return;
    }
    enqueue(*state, direction, operation);
    error = is_on_disk(sys_, operation) ? -EPERM : arm(operation.fd, *state, wanted(*state));
    if (error != 0) give_up(*state, operation, error);
}

// What cannot be watched (EPERM) always says the same. That is no reason to end a poll operation:
// it waits for what never comes, as poll(2) does. Reading is then a thread's, which may wait.
void ReadinessReactor::give_up(FdState& state, Operation& operation, std::int32_t error) noexcept {
    if (error == -EPERM && direction_of(operation.code) == Direction::poll) {
        if (!try_on(state, Direction::poll, operation)) return;
        error = operation.result;
    } else if (error == -EPERM) {
        operation.route = Route::pool;
        error = -EAGAIN;
    }
    dequeue(state, operation);
    finish(operation, error);
}

void ReadinessReactor::on_error(FdState& state, std::int32_t error) noexcept {
    for (FdState::Queue& queue : state.waiting) {
        for (Operation* operation = queue.first; operation;) {
            Operation* next = operation->next;
            give_up(state, *operation, error);
            operation = next;
        }
    }
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

TimePoint ReadinessReactor::begin_wait(CompletionList& completions, TimePoint deadline) noexcept {
    completions_ = &completions;
    if (flush_finished(completions)) deadline = TimePoint::min();
    return wake_rested(deadline);
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

void ReadinessReactor::dequeue(FdState& state, Operation& operation) noexcept {
    FdState::Queue& queue = state.waiting[index(direction_of(operation.code))];
    Operation* before = nullptr;
    for (Operation* at = queue.first; at != &operation; at = at->next) before = at;
    (before ? before->next : queue.first) = operation.next;
    if (queue.last == &operation) queue.last = before;
}

void ReadinessReactor::cancel(Operation& operation) noexcept {
    if (operation.reactor_data != in_queue) return;
    ++counters_.cancelled;
    FdState& state = *find(operation.fd);
    dequeue(state, operation);
    if (!state.awaited()) unwanted(operation.fd, state);
    finish(operation, -ECANCELED);
}

// await path 6/7: the event has come; the calls are made here, and their results handed on.
void ReadinessReactor::on_any_event(int fd, FdState& state, std::uint32_t revents) noexcept {
    constexpr std::uint32_t trouble = POLLERR | POLLHUP | POLLNVAL;
    const bool was_awaited = state.awaited();
    // After a hang-up no further edge may come, and what lies behind an urgent byte makes none.
    if ((revents & (trouble | POLLRDHUP | POLLPRI)) != 0) state.unsure = true;
    if ((revents & (POLLIN | POLLPRI | POLLRDHUP | trouble)) != 0) {
        state.ready[0] = true;
        run_queue(state, Direction::read);
    }
    if ((revents & (POLLOUT | trouble)) != 0) {
        state.ready[1] = true;
        if (!state.resting || (revents & trouble) != 0) run_queue(state, Direction::write);
    }
    if (!state.waiting[2].empty()) run_pollers(state, revents);
    if (!was_awaited) {
        COIR_SOMETIMES("readiness: an event that nobody waits for");
        unwanted(fd, state);
    } else if (!state.owned && state.awaited()) {
        arm(fd, state, wanted(state));
    }
}

// A plain receive on a descriptor of coir's own, and what it says about that.
inline std::int32_t ReadinessReactor::receive(FdState& state, Operation& operation) noexcept {
    std::int32_t result;
    do {
        result = detail::receive_now(quick_sys_, operation);
    } while (result == -EINTR);
    if ((result == -EAGAIN || ran_dry(operation, result)) && !state.unsure) state.ready[0] = false;
    return result;
}

[[gnu::hot]] std::int32_t ReadinessReactor::receive_now(Operation& operation) noexcept {
    FdState* const state = find(operation.fd);
    if (!state || !state->owned || !state->waiting[0].empty()) [[unlikely]] return -EAGAIN;
    return receive(*state, operation);
}

void ReadinessReactor::note_futile_event() noexcept {
    COIR_SOMETIMES("readiness: an event, and yet it would wait");
}

// Does all of an event that says no more than that there is something to read, where one receive is all
// that waits. False: nothing has been done.
[[gnu::hot]] bool ReadinessReactor::receive_first(FdState& state) noexcept {
    Operation* const operation = state.waiting[0].first;
    if (!operation || operation->next || !state.owned || state.unsure ||
        !state.waiting[2].empty() || !is_plain_receive(*operation)) [[unlikely]] {
        return false;
    }
    state.ready[0] = true;
    std::int32_t result = -EAGAIN;
    if ((operation->hints & hint_receives_itself) == 0) {
        result = receive(state, *operation);
        if (result == -EAGAIN) [[unlikely]] {
            note_futile_event();
            return true;
        }
    }
    state.waiting[0] = {};
    ++counters_.completed;
    operation->reactor_data = 0;
    completions_->finish(*operation, result);
    return true;
}

void ReadinessReactor::run_queue(FdState& state, Direction direction) noexcept {
    FdState::Queue& queue = state.waiting[index(direction)];
    bool fruitless = true;
    while (Operation* operation = queue.first) {
        if (!state.ready[index(direction)] && state.owned) return;
        if (!try_on(state, direction, *operation)) {
            note_futile_event();
            if (fruitless && direction == Direction::write) rest(operation->fd, state);
            return;
        }
        fruitless = false;
        state.fruitless = 0;
        queue.first = operation->next;
        if (!queue.first) queue.last = nullptr;
        finish(*operation, operation->result);
    }
}

// Who names the receivers of Unix datagrams counts as writable while the receiver's queue is full, and
// each attempt makes an event anew. Nothing tells when there is room: after a few attempts in vain it
// is tried once a millisecond.
void ReadinessReactor::rest(int fd, FdState& state) noexcept {
    if (state.fruitless < patience) ++state.fruitless;
    if (state.fruitless < patience || state.resting) return;
    try {
        rests_.push_back({sys_.now() + rest_time, fd, state.generation});
    } catch (const std::bad_alloc&) {
        return;  // it is tried at each event
    }
    COIR_SOMETIMES("readiness: a descriptor rests");
    state.resting = true;
}

TimePoint ReadinessReactor::wake_rested(TimePoint deadline) noexcept {
    if (rests_.empty()) [[likely]] return deadline;
    const TimePoint now = sys_.now();
    while (!rests_.empty() && rests_.front().until <= now) {
        const Rest rested = rests_.front();
        rests_.erase(rests_.begin());
        FdState* const state = find(rested.fd);
        if (!state || state->generation != rested.generation) continue;
        state->resting = false;
        state->ready[1] = true;
        run_queue(*state, Direction::write);
        if (state->resting || !state->awaited()) continue;
        if (const int error = arm(rested.fd, *state, wanted(*state)); error != 0) on_error(*state, error);
    }
    if (completions_ && completions_->size() > 0) return TimePoint::min();
    return rests_.empty() ? deadline : std::min(deadline, rests_.front().until);
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

void refuse_parameters(const char* reactor, const ReactorOptions& options) {
    if (options.parameters.empty()) return;
    throw std::invalid_argument(std::string("coir: reactor '") + reactor + ":" +
                                options.parameters + "': " + reactor + " takes no parameters");
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
