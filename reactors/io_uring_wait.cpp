// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor, the way out: waiting, completions, waking.
//
// Facts about io_uring:
// - O_NONBLOCK descriptors: the kernel does not wait for them but answers EAGAIN. We put a poll in
//   the operation's place and then try again; when readiness turns out to be a lie several times (a
//   unix datagram socket is "writable" whether its peer's queue is full or not), a pause goes before
//   the poll. So it does when a poll is answered with nothing that was asked for.
// - With DEFER_TASKRUN completions exist only once this thread enters; the ring's descriptor does
//   not wake a poller for them, but a registered eventfd does. Not quite: a completion that comes
//   from a write to an eventfd signals the registered one some 20 ms late, and then never again for
//   as long as it stays registered (seen on 6.18: it avoids nesting by a deferred signal whose mark
//   is not cleared). So wake() signals both, and we register anew.
// - A multishot request has ended when F_MORE is missing, for whatever reason.
// - The kernel goes to sleep only if it could submit everything.
#include "io_uring_reactor.hpp"

#include <coir/detail/sometimes.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {

// Whether wait() may sleep, and for how long.
bool IoUringReactor::prepare_sleep(TimePoint deadline, __kernel_timespec& timeout,
                                   bool& endless) noexcept {
    endless = deadline == never;
    if (endless) return true;
    if (deadline <= TimePoint{}) return false;
    const TimePoint now = sys_.now();
    if (deadline <= now) return false;
    const Nanoseconds left = std::min<Nanoseconds>(deadline - now, std::chrono::hours(1));
    constexpr std::int64_t second = 1'000'000'000;
    timeout.tv_sec = left.count() / second;
    timeout.tv_nsec = left.count() % second;
    return true;
}

void IoUringReactor::enter(bool sleep, const __kernel_timespec* timeout) noexcept {
    ++counters_.waits;
    if (sleep) ++counters_.sleeps;
    const long got = ring_.enter(sleep ? 1 : 0, IORING_ENTER_GETEVENTS, sleep ? timeout : nullptr);
    if (got >= 0 || got == -ETIME || got == -EINTR) [[likely]]
        return;
    // EBUSY and EAGAIN: the kernel has no room or memory; collecting makes some. EBADR: it had
    // none and lost a completion, so some operation would wait for ever. The rest: a broken ring.
    if (got != -EBUSY && got != -EAGAIN && got != -ENOMEM) error_ = static_cast<int>(got);
}

// await path 5/7 ends here, in the kernel
[[gnu::hot]] WaitResult IoUringReactor::wait(TimePoint deadline, CompletionList& list) noexcept {
    WaitResult result;
    const std::size_t before = list.size() + list.events().size();
    for (Operation* done = early_.take(); done;) {
        Operation* next = done->next;
        ++counters_.completed;
        list.finish(*done, done->result);
        done = next;
    }
    if (!ring_.is_open() || error_ != 0) [[unlikely]] {
        result.error = error_ != 0 ? error_ : -EBADF;
        return result;
    }
    if (backlog_first_ != no_slot) [[unlikely]]
        drain_backlog(list);
    if (cancels_unsent_) [[unlikely]]
        send_unsent_cancels();
    if (!wake_armed_) [[unlikely]]
        arm_wake();

    __kernel_timespec timeout;
    bool endless = false;
    bool sleep = list.size() + list.events().size() == before && wake_armed_ &&
                 backlog_first_ == no_slot && !cancels_unsent_ &&
                 ring_.cq_tail() == ring_.cq_head() && prepare_sleep(deadline, timeout, endless);
    if (sleep) {
        Sleep state = Sleep::awake;
        sleep = sleep_.compare_exchange_strong(state, Sleep::asleep) || state == Sleep::asleep;
    }
    if (!sleep && ring_.needs_enter()) COIR_SOMETIMES("io_uring: completions wait in the kernel");
    if (sleep || ring_.unsubmitted() != 0 || ring_.needs_enter()) {
        enter(sleep, endless ? nullptr : &timeout);
    }
    const Sleep idle = embed_fd_.load(std::memory_order_relaxed) < 0 ? Sleep::awake : Sleep::asleep;
    if (sleep_.load(std::memory_order_relaxed) != idle) {
        result.woken = sleep_.exchange(idle) == Sleep::woken;
    }
    const unsigned head = ring_.cq_head();
    reap(list);
    if (idle == Sleep::asleep) [[unlikely]]
        settle_embedding(ring_.cq_head() != head);
    result.completed = static_cast<std::uint32_t>(list.size() + list.events().size() - before);
    result.error = error_;
    return result;
}

[[gnu::hot]] void IoUringReactor::reap(CompletionList& list) noexcept {
    unsigned head = ring_.cq_head();
    const unsigned tail = ring_.cq_tail();
    for (; head != tail; ++head) {
        const io_uring_cqe& cqe = ring_.cqe(head);
        if (SlotTable::generation_of(cqe.user_data) == 0) [[unlikely]] {
            on_internal(cqe);
            continue;
        }
        const std::uint32_t index = slots_.find(cqe.user_data);
        if (index == no_slot) [[unlikely]] {
            on_stale(cqe);
            continue;
        }
        Slot& slot = slots_[index];
        if (slot.multi) {
            if (!on_multi(index, cqe, list)) break;
            continue;
        }
        auto& operation = *static_cast<Operation*>(slot.owner);
        std::int32_t result = cqe.res;
        if (operation.code == OpCode::poll) result = asked_for(result, operation.flags);
        if ((result <= 0 || slot.phase != Phase::direct) && goes_on(slot, index, result)) continue;
        slots_.remove(index);
        ++counters_.completed;
        list.finish(operation, result);
    }
    ring_.set_cq_head(head);
}

void IoUringReactor::on_internal(const io_uring_cqe& cqe) noexcept {
    if (cqe.user_data != wake_token) return;  // a cancel that found nothing
    if (cqe.res == -EINVAL) multishot_poll_ = false;
    if (cqe.res == -EBADF) error_ = -EBADF;  // somebody closed our eventfd
    if (cqe.res > 0) ++counters_.wakes;
    if (cqe.flags & IORING_CQE_F_MORE) return;
    COIR_SOMETIMES("io_uring: the poll for wakes has ended");
    // The eventfd is otherwise never read: each write is an edge. A new poll, though, would see
    // the old count.
    std::uint64_t count;
    sys_.read(wake_fd_, &count, sizeof count);
    arm_wake();
}

void IoUringReactor::on_stale(const io_uring_cqe& cqe) noexcept {
    ++stale_;
    if (cqe.flags & IORING_CQE_F_BUFFER && buffers_.ready()) {
        const std::uint32_t id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
        static_cast<void>(buffers_.lease(id));
        buffers_.give_back(id);
    }
}

bool IoUringReactor::on_multi(std::uint32_t index, const io_uring_cqe& cqe,
                              CompletionList& list) noexcept {
    if (list.event_room() == 0) return false;
    Slot& slot = slots_[index];
    auto& source = *static_cast<MultiOperation*>(slot.owner);
    std::int32_t result = cqe.res;
    const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
    if (source.code == OpCode::poll) {
        result = asked_for(result, source.flags);
        if (result == 0 && more) return true;
    }
    if (!more && (result <= 0 || slot.phase != Phase::direct) && goes_on(slot, index, result)) {
        return true;
    }
    MultiEvent event{result, more, nullptr, 0};
    if (cqe.flags & IORING_CQE_F_BUFFER) {
        event.buffer_id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
        void* buffer = buffers_.lease(event.buffer_id);
        if (result > 0) {
            event.buffer = buffer;
        } else {
            buffers_.give_back(event.buffer_id);
        }
    }
    if (!more) slots_.remove(index);
    ++counters_.completed;
    list.event(source, event);
    return true;
}

// An answer that is not simply the result: true when the request continues by another way.
bool IoUringReactor::goes_on(Slot& slot, std::uint32_t index, std::int32_t& result) noexcept {
    if (slot.phase == Phase::direct) return goes_on_direct(slot, index, result);
    const bool expired = slot.phase == Phase::resting && result == -ETIME;
    const bool ready = slot.phase == Phase::waiting && result >= 0;
    if (slot.phase == Phase::voided || slot.cancelled) {
        COIR_SOMETIMES("io_uring: cancelled while something stands in for the operation");
        result = -ECANCELED;
        return false;
    }
    if (!expired && !ready) return false;
    // A poll has nothing that could stand in for it.
    const bool itself = ready || request_of(slot).code == OpCode::poll;
    slot.phase = itself ? Phase::direct : Phase::waiting;
    issue(index);
    return true;
}

bool IoUringReactor::goes_on_direct(Slot& slot, std::uint32_t index,
                                    std::int32_t& result) noexcept {
    const auto [code, flags] = request_of(slot);
    const bool connecting = code == OpCode::connect;
    const bool unasked = code == OpCode::poll && result == 0;
    // Of a connect EAGAIN is the result: a Unix listener's queue is full, and no event tells when
    // that changes.
    const bool again = unasked || (connecting ? result == -EINPROGRESS || result == -EALREADY
                                              : result == -EAGAIN);
    if (connecting && result == -EISCONN && slot.retries != 0) {
        result = 0;
        return false;
    }
    if (result == -EINTR && code == OpCode::close) {
        result = 0;  // Linux has closed it all the same
        return false;
    }
    if (!again && result != -EINTR) return false;
    if (again && !unasked) {
        const bool message = code == OpCode::recv || code == OpCode::send ||
                             code == OpCode::recvmsg || code == OpCode::sendmsg;
        if (message && flags & MSG_DONTWAIT) return false;
        if (readiness_of(code, flags) == 0) return false;
    }
    if (slot.cancelled) {
        COIR_SOMETIMES("io_uring: cancelled, and it would have to be tried again");
        result = -ECANCELED;
        return false;
    }
    if (result == -EINTR) COIR_SOMETIMES("io_uring: interrupted, and tried again");
    if (again) {
        const bool patient = !unasked && slot.retries < patience;
        slot.phase = patient ? Phase::waiting : Phase::resting;
        if (patient) COIR_SOMETIMES("io_uring: a poll stands in for an operation");
    }
    if (slot.retries < patience) ++slot.retries;
    issue(index);
    return true;
}

void IoUringReactor::wake() noexcept {
    // One write per sleep: while the loop is awake, wait() sees the mark before it sleeps.
    if (sleep_.exchange(Sleep::woken) != Sleep::asleep) return;
    const std::uint64_t one = 1;
    // EAGAIN means that the count is at its limit, so that it is readable anyway.
    for (const int fd : {wake_fd_, embed_fd_.load()}) {
        while (fd >= 0 && direct_.write(fd, &one, sizeof one) == -EINTR) {
        }
    }
}

int IoUringReactor::pollable_fd() const noexcept {
    if (embed_fd_ >= 0 || !ring_.is_open()) return embed_fd_;
    const int fd = static_cast<int>(sys_(SYS_eventfd2, 1, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd < 0) return -1;
    if (const_cast<Ring&>(ring_).control(IORING_REGISTER_EVENTFD, &fd, 1) < 0) {
        sys_.close(fd);
        return -1;
    }
    embed_fd_ = fd;
    // From now on the loop counts as asleep whenever wait() is not running.
    Sleep state = Sleep::awake;
    sleep_.compare_exchange_strong(state, Sleep::asleep);
    return fd;
}

bool IoUringReactor::has_unsent() const noexcept {
    return ring_.is_open() && (ring_.unsubmitted() != 0 || backlog_first_ != no_slot ||
                               cancels_unsent_ || early_.size() != 0);
}

// Makes the embedding descriptor say exactly whether there is something to do. What comes between
// the read and the look at the queue is seen by the look; what comes later signals anew.
void IoUringReactor::settle_embedding(bool collected) noexcept {
    if (collected && ring_.is_deferred()) {
        const int fd = embed_fd_;
        ring_.control(IORING_UNREGISTER_EVENTFD, nullptr, 0);
        ring_.control(IORING_REGISTER_EVENTFD, &fd, 1);
    }
    std::uint64_t count;
    sys_.read(embed_fd_, &count, sizeof count);
    if (ring_.cq_tail() == ring_.cq_head() && !ring_.needs_enter() && ring_.unsubmitted() == 0 &&
        backlog_first_ == no_slot && sleep_.load() != Sleep::woken) {
        return;
    }
    count = 1;
    sys_.write(embed_fd_, &count, sizeof count);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
