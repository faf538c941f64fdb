// SPDX-License-Identifier: BSL-1.0
// See kernel_ring.hpp. Setting up is in kernel_ring_setup.cpp.
//
// As in Linux: with DEFER_TASKRUN nothing is told but in an enter that asks for it, without it at any
// time; a cancel finds what waits, says EALREADY of what is being made and ENOENT of what is over;
// when there is no room for a completion it waits in the kernel (CQ_OVERFLOW), and a multishot ends.
#include "kernel_ring.hpp"

#include "ring_script.hpp"
#include "sim_sys.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

KernelRing::KernelRing(SimSys& sys, const RingProfile& profile, RingWaker& waker,
                       InFlight& in_flight)
    : Node(sys.world()), sys_(sys), profile_(profile), waker_(waker), in_flight_(in_flight) {}

KernelRing::~KernelRing() = default;

unsigned KernelRing::events() const noexcept { return queues_ && ready() > 0 ? unsigned{POLLIN} : 0u; }

// Nobody hears of what was asked for any more.
void KernelRing::closed() {
    for (const auto& request : requests_) request->abandon();
    requests_.clear();
    work_.clear();
    overflow_.clear();
}

// --- What is handed in --------------------------------------------------------------------------

// The kernel may be short of something and take less than it is given.
unsigned KernelRing::take_entries(unsigned to_submit) {
    const unsigned there = word(sq_tail_at) - word(sq_head_at);
    unsigned count = std::min(to_submit, there);
    if (count > 0 && world_.choices.chance(Site::ring_busy, world_.faults.busy)) {
        count -= 1 + world_.choices.pick(Site::ring_busy, count);
    }
    for (unsigned i = 0; i < count; ++i) {
        const unsigned head = word(sq_head_at);
        const unsigned index = (&word(sq_array_at))[head & (sq_entries_ - 1)];
        const io_uring_sqe entry = entries_[index & (sq_entries_ - 1)];
        word(sq_head_at) = head + 1;
        issue(entry);
    }
    return count;
}

void KernelRing::issue(const io_uring_sqe& entry) {
    if (world_.ring_script && world_.ring_script->takes(*this, entry)) return;
    if (entry.opcode == IORING_OP_ASYNC_CANCEL) return cancel(entry);
    std::shared_ptr<Node> node = entry.fd >= 0 && entry.opcode != IORING_OP_OPENAT
                                     ? world_.descriptors.share(entry.fd)
                                     : nullptr;
    const bool on_descriptor = entry.opcode != IORING_OP_NOP && entry.opcode != IORING_OP_TIMEOUT;
    if (on_descriptor) in_flight_.check_descriptor(entry.user_data, node.get());
    if (entry.opcode == IORING_OP_POLL_ADD && (entry.len & IORING_POLL_ADD_MULTI) != 0 &&
        !profile_.multishot_poll) {
        return post(entry.user_data, -EINVAL, 0);
    }
    const auto request = std::make_shared<RingRequest>(*this, entry, std::move(node));
    requests_.push_back(request);
    if (!world_.choices.chance(Site::ring_late, world_.faults.late)) return request->go_on();
    constexpr Nanoseconds usual = std::chrono::microseconds(50);
    world_.after(world_.choices.delay(Site::ring_late, usual),
                 [weak = std::weak_ptr<RingRequest>(request)] {
                     const auto self = weak.lock();
                     if (self && self->stage_ == RingRequest::Stage::begun) {
                         self->ring_.has_work(self);
                     }
                 });
}

// Whatever it says, the request ends once: cancelled, or as it would have.
void KernelRing::cancel(const io_uring_sqe& entry) {
    const auto answer = [this, &entry](std::int32_t result) {
        if (result < 0 || (entry.flags & IOSQE_CQE_SKIP_SUCCESS) == 0) {
            post(entry.user_data, result, 0);
        }
    };
    const auto at = std::find_if(requests_.begin(), requests_.end(), [&](const auto& request) {
        return request->user_data() == entry.addr;
    });
    if (at == requests_.end()) return answer(-ENOENT);
    const std::shared_ptr<RingRequest> request = *at;
    if (request->stage() == RingRequest::Stage::decided) return answer(-EALREADY);
    const bool odd = world_.choices.chance(Site::ring_cancel, world_.faults.late);
    const bool running = odd && request->may_be_running();
    switch (running ? world_.choices.pick(Site::ring_cancel, 3) : 0) {
        case 1:  // what it waits for came just before
            request->go_on();
            if (request->stage() != RingRequest::Stage::waiting) return answer(-ENOENT);
            break;
        case 2:  // a worker is at it, and is interrupted
            answer(-EALREADY);
            return request->decide(-EINTR);
        default:
            break;
    }
    if (odd) answer(0);
    world_.trace.say("a request of io_uring on descriptor " + std::to_string(request->fd()) + " is cancelled");
    request->decide(-ECANCELED);
    if (!odd) answer(0);
}

// --- What is told -------------------------------------------------------------------------------

bool KernelRing::is_full() const noexcept { return !overflow_.empty() || ready() >= cq_entries_; }

void KernelRing::post(std::uint64_t user_data, std::int32_t result, unsigned flags) {
    io_uring_cqe entry{};
    entry.user_data = user_data;
    entry.res = result;
    entry.flags = flags;
    if (is_full()) {
        overflow_.push_back(entry);
        set_flag(IORING_SQ_CQ_OVERFLOW, true);
        return;
    }
    cqes()[cq_tail() & (cq_entries_ - 1)] = entry;
    ++cq_tail();
    changed(POLLIN);
}

void KernelRing::flush_overflow() noexcept {
    while (!overflow_.empty() && ready() < cq_entries_) {
        cqes()[cq_tail() & (cq_entries_ - 1)] = overflow_.front();
        ++cq_tail();
        overflow_.pop_front();
    }
    set_flag(IORING_SQ_CQ_OVERFLOW, !overflow_.empty());
}

void KernelRing::set_flag(unsigned flag, bool on) noexcept {
    unsigned& flags = word(sq_flags_at);
    flags = on ? flags | flag : flags & ~flag;
}

void KernelRing::drop(RingRequest& request) noexcept {
    std::erase_if(requests_, [&](const auto& one) { return one.get() == &request; });
}

void KernelRing::has_work(std::shared_ptr<RingRequest> request) {
    if (request->queued_) return;
    request->queued_ = true;
    work_.push_back(std::move(request));
    if ((setup_ & IORING_SETUP_TASKRUN_FLAG) != 0) set_flag(IORING_SQ_TASKRUN, true);
    if ((setup_ & IORING_SETUP_DEFER_TASKRUN) != 0 || work_is_due_) return;
    work_is_due_ = true;
    world_.after(Nanoseconds(0), [weak = weak_from_this()] {
        const auto self = std::static_pointer_cast<KernelRing>(weak.lock());
        if (!self) return;
        self->work_is_due_ = false;
        self->run_work();
    });
}

void KernelRing::run_work() {
    for (std::size_t left = work_.size(); left > 0 && !work_.empty(); --left) {
        const auto count = static_cast<std::uint32_t>(work_.size());
        const std::uint32_t at = world_.faults.shuffle ? world_.choices.pick(Site::event, count) : 0;
        const std::shared_ptr<RingRequest> request = work_[at];
        work_.erase(work_.begin() + at);
        request->queued_ = false;
        request->go_on();
    }
    if (work_.empty()) set_flag(IORING_SQ_TASKRUN, false);
}

// --- Entering -----------------------------------------------------------------------------------

class KernelRing::Asleep final : public Sleep {
public:
    Asleep(KernelRing& ring, TimePoint until, unsigned least)
        : Sleep(until), ring_(ring), least_(least) {}
    bool is_over() noexcept override {
        return !ring_.work_.empty() || ring_.ready() >= least_ || ring_.waker_.is_pending();
    }
    int wake_fd() const noexcept override { return ring_.waker_.wake_fd(); }
    bool is_outside() const noexcept override { return ring_.sys_.jobs_outside(); }

private:
    KernelRing& ring_;
    const unsigned least_;
};

long KernelRing::collect(unsigned least, TimePoint deadline) {
    least = std::min(least, cq_entries_);
    for (;;) {
        world_.run_due();
        if (waker_.is_pending()) waker_.take();
        run_work();
        flush_overflow();
        if (ready() >= least) return 0;
        if (deadline <= world_.now()) return -ETIME;
        if (world_.choices.chance(Site::spurious, world_.faults.spurious / 8)) return -EINTR;
        Asleep asleep(*this, deadline, least);
        if (world_.threads.wait(asleep)) continue;
        deadlocked_ = true;
        return -EINTR;
    }
}

long KernelRing::enter(unsigned to_submit, unsigned least, unsigned flags, const void* argument) {
    if ((setup_ & IORING_SETUP_R_DISABLED) != 0) return -EBADFD;
    if (world_.ring_script) {
        if (const long error = world_.ring_script->enters(); error != 0) return error;
    }
    const unsigned taken = take_entries(to_submit);
    if (taken != to_submit) return taken > 0 ? static_cast<long>(taken) : -EBUSY;
    if ((flags & IORING_ENTER_GETEVENTS) == 0) return taken;
    TimePoint deadline = never;
    if ((flags & IORING_ENTER_EXT_ARG) != 0) {
        const auto& extra = *static_cast<const io_uring_getevents_arg*>(argument);
        const auto* limit = reinterpret_cast<const __kernel_timespec*>(extra.ts);
        if (limit) {
            deadline = saturating_add(world_.now(), std::chrono::seconds(limit->tv_sec) +
                                                        Nanoseconds(limit->tv_nsec));
        }
    }
    const long result = collect(least, deadline);
    return taken > 0 ? static_cast<long>(taken) : result;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
