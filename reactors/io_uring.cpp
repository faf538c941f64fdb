// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor, the way in: operations are handed to the kernel as they are.
//
// submit() only writes an entry into shared memory; wait() (io_uring_wait.cpp) submits what has
// gathered, sleeps and collects with a single io_uring_enter. Tokens are slot + generation
// (io_uring_ring.hpp).
//
// Facts about io_uring:
// - close(2) cancels nothing: the kernel holds the file until the operations end. And an entry that
//   is not submitted yet would act on whatever the number means later.
// - ASYNC_CANCEL_FD matches the open *file*, and would also cancel what waits on its duplicates. So
//   fd_closing() cancels the requests of the number one by one.
// - Multishot has no feature bits, but opcodes that came with the same kernels.
#include "io_uring.hpp"

#include "io_uring_reactor.hpp"

#include <coir/detail/sometimes.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <new>
#include <stdexcept>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

std::system_error failure(Sys& sys, const char* step, int error) {
    const Verdict verdict = explain_failure(sys, step, error);
    std::string text = "coir: io_uring: " + verdict.reason;
    if (!verdict.advice.empty()) text += "; " + verdict.advice;
    return std::system_error(-error, std::generic_category(), text);
}

}  // namespace

IoUringReactor::IoUringReactor(Sys& sys, const IoUringParameters& parameters, Sys& waker)
    : sys_(sys), direct_(waker) {
    int error = ring_.open(sys, parameters.entries, parameters.rung);
    if (error < 0) throw failure(sys, ring_.failed_step(), error);
    if (!slots_.reserve(parameters.entries)) throw std::bad_alloc();
    skip_success_ = (ring_.features() & IORING_FEAT_CQE_SKIP) != 0;
    wake_fd_ = static_cast<int>(sys(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake_fd_ < 0) throw failure(sys, "eventfd", wake_fd_);
}

IoUringReactor::~IoUringReactor() {
    if (ring_.is_open() && error_ == 0 && slots_.live() != 0) take_everything_back();
    ring_.close();
    buffers_.close();
    if (wake_fd_ >= 0) sys_.close(wake_fd_);
    if (embed_fd_ >= 0) sys_.close(embed_fd_);
}

// Bounded: a disk that hangs must not hang us. What is left then ends with the ring.
void IoUringReactor::take_everything_back() noexcept {
    ring_.leave_foreign_thread();
    backlog_first_ = backlog_last_ = no_slot;
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        if (!slots_[index].owner) continue;
        if (slots_[index].queued) {
            slots_.remove(index);
        } else {
            cancel(index);
        }
    }
    const __kernel_timespec pause = {0, 10'000'000};
    for (int turn = 0; turn < 100 && slots_.live() != 0 && error_ == 0; ++turn) {
        if (cancels_unsent_) send_unsent_cancels();
        enter(ring_.cq_tail() == ring_.cq_head(), &pause);
        unsigned head = ring_.cq_head();
        for (const unsigned tail = ring_.cq_tail(); head != tail; ++head) {
            discard(ring_.cqe(head));
        }
        ring_.set_cq_head(head);
    }
}

// The owner of this completion is gone; only what the kernel gave away with it matters.
void IoUringReactor::discard(const io_uring_cqe& cqe) noexcept {
    const std::uint32_t index = slots_.find(cqe.user_data);
    if (index == no_slot) return;
    const Slot& slot = slots_[index];
    const OpCode code = slot.multi ? static_cast<MultiOperation*>(slot.owner)->code
                                   : static_cast<Operation*>(slot.owner)->code;
    const bool makes_fd = code == OpCode::accept || code == OpCode::open;
    if (cqe.res >= 0 && makes_fd && slot.phase == Phase::direct) sys_.close(cqe.res);
    if (!(cqe.flags & IORING_CQE_F_MORE)) slots_.remove(index);
}

void IoUringReactor::attach() noexcept {
    if (const int error = ring_.enable(); error < 0) {
        error_ = error;
        return;
    }
    // Sockets never need workers; this only keeps a mistake from filling the process table.
    unsigned workers[2] = {0, 512};
    ring_.control(IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
    arm_wake();
}

void IoUringReactor::arm_wake() noexcept {
    io_uring_sqe* sqe = acquire_sqe();
    wake_armed_ = sqe != nullptr;
    if (!sqe) return;
    prepare_poll(*sqe, wake_fd_, POLLIN, multishot_poll_ ? IORING_POLL_ADD_MULTI : 0, wake_token);
}

void IoUringReactor::flush() noexcept {
    while (ring_.unsubmitted() != 0 && error_ == 0) {
        ++counters_.waits;
        const long taken = ring_.enter(0, 0, nullptr);
        if (taken == -EINTR) continue;
        if (taken <= 0) break;  // a lack of memory or of room: wait() makes some
    }
}

io_uring_sqe* IoUringReactor::acquire_sqe() noexcept {
    io_uring_sqe* sqe = ring_.next_sqe();
    if (sqe) [[likely]]
        return sqe;
    flush();
    return ring_.next_sqe();
}

void IoUringReactor::queue(std::uint32_t index) noexcept {
    Slot& slot = slots_[index];
    slot.queued = true;
    slot.queue_next = no_slot;
    if (backlog_last_ == no_slot) {
        backlog_first_ = index;
    } else {
        slots_[backlog_last_].queue_next = index;
    }
    backlog_last_ = index;
}

// Hands the request's present phase to the kernel, or to the backlog behind those that wait there.
void IoUringReactor::issue(std::uint32_t index) noexcept {
    io_uring_sqe* sqe = backlog_first_ == no_slot ? acquire_sqe() : nullptr;
    if (!sqe) {
        COIR_SOMETIMES("io_uring: a request waits for room");
        return queue(index);
    }
    const Slot& slot = slots_[index];
    const std::uint64_t token = slots_.token(index);
    if (slot.phase == Phase::direct) [[likely]] {
        if (!slot.multi) return prepare(*sqe, *static_cast<Operation*>(slot.owner), token);
        return prepare(*sqe, *static_cast<MultiOperation*>(slot.owner), token);
    }
    const Request request = request_of(slot);
    if (slot.phase == Phase::resting) {
        const unsigned step = request.code == OpCode::poll ? slot.retries - 1u : 0;
        return prepare_rest(*sqe, step, token);
    }
    ++counters_.arms;
    prepare_poll(*sqe, slot.fd, readiness_of(request.code, request.flags), 0, token);
}

void IoUringReactor::submit(Operation& operation) noexcept {
    ++counters_.submitted;
    operation.route = Route::native;
    const std::uint32_t index = slots_.add(&operation, false, operation.fd);
    if (index == no_slot) [[unlikely]]
        return early_.finish(operation, -ENOMEM);
    operation.reactor_data = slots_.token(index);
    issue(index);
}

// What nearly every operation is, a message of a stream, is written straight into its entry.
[[gnu::hot]] bool IoUringReactor::begin(Operation& operation) noexcept {
    const bool receives = operation.code == OpCode::recv;
    if ((!receives && operation.code != OpCode::send) || backlog_first_ != no_slot ||
        !ring_.has_room()) [[unlikely]] {
        submit(operation);
        return false;
    }
    ++counters_.submitted;
    operation.route = Route::native;
    const std::uint32_t index = slots_.add(&operation, false, operation.fd);
    if (index == no_slot) [[unlikely]] {
        early_.finish(operation, -ENOMEM);
        return false;
    }
    operation.reactor_data = slots_.token(index);
    prepare_message(*ring_.next_sqe(), operation, operation.reactor_data);
    return false;
}

bool IoUringReactor::multi_supported(OpCode code) const noexcept {
    // These opcodes came with 5.19 and 6.0, as multishot accept and recv did.
    if (code == OpCode::accept) return ring_.has_opcode(IORING_OP_SOCKET);
    if (code == OpCode::recv) return ring_.has_opcode(IORING_OP_SEND_ZC);
    return code == OpCode::poll && multishot_poll_;
}

bool IoUringReactor::submit(MultiOperation& operation) noexcept {
    if (!multi_supported(operation.code) || !ring_.is_open()) return false;
    if (operation.code == OpCode::recv && buffers_.open(sys_, ring_) < 0) return false;
    const std::uint32_t index = slots_.add(&operation, true, operation.fd);
    if (index == no_slot) return false;
    ++counters_.submitted;
    operation.reactor_data = slots_.token(index);
    issue(index);
    return true;
}

void IoUringReactor::cancel(Operation& operation) noexcept {
    ++counters_.cancelled;
    const std::uint32_t index = slots_.find(operation.reactor_data);
    if (index != no_slot && slots_[index].owner == &operation) cancel(index);
}

void IoUringReactor::cancel(MultiOperation& operation) noexcept {
    ++counters_.cancelled;
    const std::uint32_t index = slots_.find(operation.reactor_data);
    if (index != no_slot && slots_[index].owner == &operation) cancel(index);
}

void IoUringReactor::cancel(std::uint32_t index) noexcept {
    Slot& slot = slots_[index];
    if (slot.cancelled && !slot.cancel_unsent) return;
    slot.cancelled = true;
    slot.cancel_unsent = false;
    if (slot.queued) return;  // drain_backlog() ends it
    if (io_uring_sqe* sqe = acquire_sqe()) {
        prepare_cancel(*sqe, slots_.token(index), skip_success_);
    } else {
        COIR_SOMETIMES("io_uring: a cancel waits for room");
        slot.cancel_unsent = cancels_unsent_ = true;
    }
}

void IoUringReactor::send_unsent_cancels() noexcept {
    cancels_unsent_ = false;
    for (std::uint32_t index = 0; index < slots_.size() && !cancels_unsent_; ++index) {
        if (slots_[index].owner && slots_[index].cancel_unsent) cancel(index);
    }
}

void IoUringReactor::fd_closing(int fd) noexcept {
    if (!ring_.is_open()) return;
    bool any = false;
    slots_.for_each_on(fd, [&](std::uint32_t index) {
        any = true;
        cancel(index);
    });
    if (!any || ring_.unsubmitted() == 0) return;
    flush();
    if (ring_.unsubmitted() != 0) [[unlikely]]
        void_unsubmitted(fd);
}

// The kernel takes no entries now, and the number is about to change its meaning.
void IoUringReactor::void_unsubmitted(int fd) noexcept {
    for (unsigned n = 0; n < ring_.unsubmitted(); ++n) {
        io_uring_sqe& sqe = ring_.unsubmitted_sqe(n);
        const std::uint32_t index = slots_.find(sqe.user_data);
        if (index == no_slot || slots_[index].fd != fd) continue;
        COIR_SOMETIMES("io_uring: the descriptor of an unsent request is closed");
        prepare_nothing(sqe, sqe.user_data);
        slots_[index].phase = Phase::voided;
    }
}

// Ends a cancelled request that the kernel never saw. False: the list has no room for its event.
bool IoUringReactor::finish_unsent(std::uint32_t index, CompletionList& list) noexcept {
    Slot& slot = slots_[index];
    if (slot.multi && list.event_room() == 0) return false;
    void* owner = slot.owner;
    const bool multi = slot.multi;
    COIR_SOMETIMES("io_uring: cancelled before the kernel saw it");
    slots_.remove(index);
    ++counters_.completed;
    if (multi) {
        list.event(*static_cast<MultiOperation*>(owner), MultiEvent{-ECANCELED, false, nullptr, 0});
    } else {
        list.finish(*static_cast<Operation*>(owner), -ECANCELED);
    }
    return true;
}

void IoUringReactor::drain_backlog(CompletionList& list) noexcept {
    std::uint32_t index = backlog_first_;
    backlog_first_ = backlog_last_ = no_slot;
    bool room = true;
    while (index != no_slot) {
        Slot& slot = slots_[index];
        const std::uint32_t next = slot.queue_next;
        slot.queued = false;
        if (slot.cancelled) {
            if (!finish_unsent(index, list)) queue(index);
        } else if (room) {
            issue(index);  // to the backlog again when there is no room
            room = !slot.queued;
        } else {
            queue(index);
        }
        index = next;
    }
}

void IoUringReactor::forked_child() noexcept {
    ring_.forget();
    buffers_.forget();
    // The child's duplicates only; the parent keeps its own.
    if (wake_fd_ >= 0) sys_.close(wake_fd_);
    if (embed_fd_ >= 0) sys_.close(embed_fd_);
    wake_fd_ = embed_fd_ = -1;
    backlog_first_ = backlog_last_ = no_slot;
}

std::string IoUringReactor::details() const {
    std::string text = ring_.describe();
    if (stale_ != 0) text += ", " + std::to_string(stale_) + " stale completions dropped";
    return text;
}

namespace {

IoUringParameters parse(std::string_view text) {
    IoUringParameters parameters;
    const auto bad = [&] {
        return std::invalid_argument("coir: io_uring: bad parameters \"" + std::string(text) +
                                     "\" (entries=2..4096, mode=defer|single|coop|disabled|plain)");
    };
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), item.size() + 1));
        const std::size_t equals = item.find('=');
        if (equals == item.npos) throw bad();
        const std::string_view key = item.substr(0, equals);
        const std::string_view value = item.substr(equals + 1);
        if (key == "entries") {
            const char* end = value.data() + value.size();
            const auto [stop, error] = std::from_chars(value.data(), end, parameters.entries);
            if (error != std::errc{} || stop != end) throw bad();
            if (parameters.entries < 2 || parameters.entries > 4096) throw bad();
        } else if (key == "mode") {
            parameters.rung = Ring::rung(value);
            if (parameters.rung == Ring::rung_count()) throw bad();
        } else {
            throw bad();
        }
    }
    return parameters;
}

std::unique_ptr<Reactor> create(const ReactorOptions& options) {
    return std::make_unique<IoUringReactor>(*options.sys, parse(options.parameters));
}

}  // namespace

ReactorFactory io_uring_factory() { return {"io_uring", 50, &probe_io_uring, &create}; }

}  // namespace detail
}  // namespace v0
}  // namespace coir
