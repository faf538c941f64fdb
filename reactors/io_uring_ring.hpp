// SPDX-License-Identifier: BSL-1.0
// The parts the io_uring reactor is made of: the ring itself, the table of requests in flight, and
// the leased receive buffers. Private to reactors/io_uring*.cpp.
#pragma once

#include <bitset>
#include <coir/reactor.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "io_uring_abi.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

/// One ring: set-up, the two queues, and the only place that enters the kernel for it. Not
/// thread-safe: after enable() it belongs to the calling thread.
class Ring {
public:
    Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { close(); }

    /// Sets the ring up, disabled: the best flags the kernel takes, beginning with rung `first`,
    /// and the most entries that may be locked. 0, or -errno with `failed_step()` set.
    int open(Sys& sys, unsigned entries, std::size_t first_rung = 0) noexcept;
    static constexpr unsigned default_entries = 256;
    /// Makes the calling thread the ring's own and registers the ring's descriptor. 0 or -errno.
    int enable() noexcept;
    /// On another thread the registered index may be another ring: use the descriptor there.
    void leave_foreign_thread() noexcept;
    void close() noexcept;
    /// In a forked child: the ring is the parent's. Only the descriptor is given up.
    void forget() noexcept;

    bool is_open() const noexcept { return fd_ >= 0; }
    const char* failed_step() const noexcept { return failed_step_; }
    bool has_opcode(unsigned opcode) const noexcept { return opcodes_.test(opcode); }
    unsigned features() const noexcept { return features_; }
    bool is_deferred() const noexcept { return (setup_flags_ & IORING_SETUP_DEFER_TASKRUN) != 0; }
    std::string describe() const;
    static constexpr std::size_t rung_count() noexcept { return 5; }
    /// The rung called `name`; rung_count() when there is none.
    static std::size_t rung(std::string_view name) noexcept;

    bool has_room() const noexcept {
        return sq_tail_ - io_uring_smp_load_acquire(ring_.sq.khead) < sq_entries_;
    }
    /// A free submission entry, not cleared; null when the queue is full.
    io_uring_sqe* next_sqe() noexcept {
        if (!has_room()) return nullptr;
        return &ring_.sq.sqes[sq_tail_++ & sq_mask_];
    }
    unsigned unsubmitted() const noexcept { return sq_tail_ - *ring_.sq.khead; }
    /// The entry `n` places behind the oldest that the kernel has not taken yet.
    io_uring_sqe& unsubmitted_sqe(unsigned n) noexcept {
        return ring_.sq.sqes[(*ring_.sq.khead + n) & sq_mask_];
    }
    /// Submits everything and, with GETEVENTS among `flags`, collects. >= 0, or -errno.
    long enter(unsigned min_complete, unsigned flags, const __kernel_timespec* timeout) noexcept;

    /// The kernel has completions that only an enter brings into the queue.
    bool needs_enter() const noexcept {
        const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
        return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }
    unsigned cq_head() const noexcept { return *ring_.cq.khead; }
    unsigned cq_tail() const noexcept { return io_uring_smp_load_acquire(ring_.cq.ktail); }
    const io_uring_cqe& cqe(unsigned index) const noexcept {
        return ring_.cq.cqes[index & cq_mask_];
    }
    void set_cq_head(unsigned head) noexcept { io_uring_smp_store_release(ring_.cq.khead, head); }

    /// io_uring_register(2) on this ring: >= 0, or -errno.
    long control(unsigned opcode, const void* argument, unsigned count) noexcept;

private:
    int set_up(unsigned entries, unsigned flags) noexcept;
    long map(int fd, const io_uring_params& params) noexcept;
    int load_opcodes() noexcept;
    int fail(const char* step, long error) noexcept;
    void unplug() noexcept;

    io_uring ring_ = {};  // only its pointers into the queues
    char* queues_ = nullptr;
    std::size_t queues_size_ = 0;
    std::size_t entries_size_ = 0;
    Sys* sys_ = nullptr;
    unsigned sq_tail_ = 0;
    unsigned sq_mask_ = 0;
    unsigned sq_entries_ = 0;
    unsigned cq_mask_ = 0;
    unsigned enter_flags_ = 0;  // added to every enter
    int enter_fd_ = -1;         // the registered index, or the descriptor
    int fd_ = -1;
    unsigned setup_flags_ = 0;
    unsigned features_ = 0;
    unsigned cq_entries_ = 0;
    int owner_ = 0;      // the thread whose table holds the registered descriptor; 0: none
    unsigned none_ = 0;  // head, tail and flags of a ring that is gone
    const char* failed_step_ = "";
    std::bitset<256> opcodes_;
};

/// Where a request stands.
enum class Phase : std::uint8_t {
    direct,   ///< the operation itself is with the kernel
    waiting,  ///< it said EAGAIN: a poll stands in for it
    resting,  ///< readiness was a lie: a short timeout stands in for it
    voided,   ///< a no-op stands in for it, because its descriptor is gone
};

inline constexpr std::uint32_t no_slot = ~std::uint32_t{0};

/// One request in flight or in the backlog.
struct alignas(32) Slot {
    void* owner = nullptr;  // Operation or MultiOperation
    std::uint32_t generation = 1;
    int fd = -1;
    std::uint32_t prev = no_slot;  // the requests of one descriptor; `next` also the free list
    std::uint32_t next = no_slot;
    std::uint32_t queue_next = no_slot;  // the backlog
    Phase phase = Phase::direct;
    std::uint8_t retries = 0;
    bool multi : 1 = false;
    bool queued : 1 = false;         // in the backlog: the kernel has never heard of this phase
    bool cancelled : 1 = false;      // a cancel was asked for
    bool cancel_unsent : 1 = false;  // and there was no room to send it
};
static_assert(sizeof(Slot) == 32);

/// What a slot's owner asks for, of whichever kind it is.
struct Request {
    OpCode code;
    std::uint32_t flags;
};
inline Request request_of(const Slot& slot) noexcept {
    if (slot.multi) {
        const auto& source = *static_cast<const MultiOperation*>(slot.owner);
        return {source.code, source.flags};
    }
    const auto& operation = *static_cast<const Operation*>(slot.owner);
    return {operation.code, operation.flags};
}

/// The requests, by token and by descriptor. A token is generation << 32 | slot, so a late answer
/// to a request that is over never finds the slot's next tenant. Generation 0 is never given out.
class SlotTable {
public:
    static std::uint32_t index_of(std::uint64_t token) noexcept {
        return static_cast<std::uint32_t>(token);
    }
    static std::uint32_t generation_of(std::uint64_t token) noexcept {
        return static_cast<std::uint32_t>(token >> 32);
    }
    std::uint64_t token(std::uint32_t index) const noexcept {
        return std::uint64_t{slots_[index].generation} << 32 | index;
    }

    /// False when there is no memory.
    bool reserve(std::size_t count) noexcept;
    /// A slot for `owner`; no_slot when there is no memory.
    std::uint32_t add(void* owner, bool multi, int fd) noexcept {
        if (free_ == no_slot && !reserve(slots_.size() * 2)) return no_slot;
        if (tracked(fd) && static_cast<std::size_t>(fd) >= by_fd_.size() && !reserve_fd(fd)) {
            return no_slot;
        }
        const std::uint32_t index = free_;
        Slot& slot = slots_[index];
        free_ = slot.next;
        slot.owner = owner;
        slot.fd = fd;
        slot.phase = Phase::direct;
        slot.retries = 0;
        slot.multi = multi;
        slot.queued = slot.cancelled = slot.cancel_unsent = false;
        slot.prev = slot.next = no_slot;
        if (tracked(fd)) {
            std::uint32_t& first = by_fd_[static_cast<std::size_t>(fd)];
            slot.next = first;
            if (first != no_slot) slots_[first].prev = index;
            first = index;
        }
        ++live_;
        return index;
    }
    void remove(std::uint32_t index) noexcept {
        Slot& slot = slots_[index];
        if (slot.next != no_slot) slots_[slot.next].prev = slot.prev;
        if (slot.prev != no_slot) {
            slots_[slot.prev].next = slot.next;
        } else if (tracked(slot.fd)) {
            by_fd_[static_cast<std::size_t>(slot.fd)] = slot.next;
        }
        if (++slot.generation == 0) slot.generation = 1;
        slot.owner = nullptr;
        slot.next = free_;
        free_ = index;
        --live_;
    }
    /// The slot of a token, or no_slot when that request is over.
    std::uint32_t find(std::uint64_t token) const noexcept {
        const std::uint32_t index = index_of(token);
        if (index >= slots_.size() || slots_[index].generation != generation_of(token)) {
            return no_slot;
        }
        return slots_[index].owner ? index : no_slot;
    }
    Slot& operator[](std::uint32_t index) noexcept { return slots_[index]; }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }
    std::size_t live() const noexcept { return live_; }

    /// Calls `visit(index)` for every request on `fd`.
    template <class Visit>
    void for_each_on(int fd, Visit visit) {
        if (tracked(fd)) {
            const auto place = static_cast<std::size_t>(fd);
            std::uint32_t index = place < by_fd_.size() ? by_fd_[place] : no_slot;
            while (index != no_slot) {
                const std::uint32_t next = slots_[index].next;
                visit(index);
                index = next;
            }
            return;
        }
        for (std::uint32_t index = 0; index < size(); ++index) {
            if (slots_[index].owner && slots_[index].fd == fd) visit(index);
        }
    }

private:
    // A wild descriptor number must not make us allocate gigabytes; those are searched for instead.
    static constexpr int most_tracked = 1 << 20;
    static bool tracked(int fd) noexcept { return fd >= 0 && fd < most_tracked; }
    bool reserve_fd(int fd) noexcept;

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> by_fd_;  // the first request on each descriptor
    std::uint32_t free_ = no_slot;
    std::size_t live_ = 0;
};

/// The provided-buffer ring that multishot receives take their buffers from.
class LeasedBuffers {
public:
    static constexpr std::uint16_t group = 0;
    static constexpr unsigned count = 256;
    static constexpr unsigned size = 4096;

    bool ready() const noexcept { return memory_ != nullptr; }
    /// 0, or -errno.
    int open(Sys& sys, Ring& ring) noexcept;
    /// Only after the ring is closed: until then the memory is the kernel's.
    void close() noexcept;
    /// In a forked child, which has not inherited all of the memory: leave it where it is.
    void forget() noexcept { memory_ = nullptr; }
    void* lease(std::uint32_t id) noexcept {
        leased_.set(id % count);
        return memory_ + std::size_t{id % count} * size;
    }
    /// Gives a buffer back to the kernel; one that is not on lease is ignored.
    void give_back(std::uint32_t id) noexcept;

private:
    void publish(std::uint32_t id) noexcept;

    Sys* sys_ = nullptr;
    io_uring_buf_ring* ring_ = nullptr;  // one page, followed by the buffers
    char* memory_ = nullptr;
    std::uint16_t tail_ = 0;
    std::bitset<count> leased_;
};

/// Fills a submission entry with an operation.
void prepare(io_uring_sqe& sqe, const Operation& operation, std::uint64_t token) noexcept;
void prepare(io_uring_sqe& sqe, const MultiOperation& operation, std::uint64_t token) noexcept;
/// The flags of a send. Only of streams the kernel may wait and try again by itself: for datagrams it
/// does so with what an attempt has left over of the message, which is nothing (seen with Unix datagrams
/// into a full queue on Linux 6.18: an empty one is sent). They say EAGAIN, and are made anew.
inline std::uint32_t send_flags(const Operation& operation) noexcept {
    const bool is_stream = (operation.hints & (hint_stream | hint_unix_stream)) != 0;
    return operation.flags | MSG_NOSIGNAL | (is_stream ? 0u : unsigned{MSG_DONTWAIT});
}
/// prepare() of a recv or send.
inline void prepare_message(io_uring_sqe& sqe, const Operation& operation,
                            std::uint64_t token) noexcept {
    constexpr std::size_t most_in_entry = 0x7ffff000;
    const bool receives = operation.code == OpCode::recv;
    std::memset(&sqe, 0, sizeof sqe);
    sqe.opcode = static_cast<std::uint8_t>(receives ? IORING_OP_RECV : IORING_OP_SEND);
    sqe.fd = operation.fd;
    sqe.addr = reinterpret_cast<std::uintptr_t>(operation.buffer);
    sqe.len = static_cast<std::uint32_t>(operation.size < most_in_entry ? operation.size
                                                                        : most_in_entry);
    sqe.msg_flags = receives ? operation.flags : send_flags(operation);
    sqe.user_data = token;
}
void prepare_poll(io_uring_sqe& sqe, int fd, unsigned events, unsigned poll_flags,
                  std::uint64_t token) noexcept;
void prepare_cancel(io_uring_sqe& sqe, std::uint64_t target, bool skip_success) noexcept;
/// A pause of 1 ms, doubled `step` times (16 ms at most).
void prepare_rest(io_uring_sqe& sqe, unsigned step, std::uint64_t token) noexcept;
void prepare_nothing(io_uring_sqe& sqe, std::uint64_t token) noexcept;

/// What of a poll's answer was asked for, by a poll for `flags`.
std::int32_t asked_for(std::int32_t result, std::uint32_t flags) noexcept;

/// What to poll for when the operation cannot go on now; 0 when it is not such an operation.
unsigned readiness_of(OpCode code, std::uint32_t flags) noexcept;

/// What an errno of setting a ring up means, and what can be done about it.
Verdict explain_failure(Sys& sys, const char* step, int error);
/// A real try: a small ring, one no-op there and back, the opcodes that coir needs.
Verdict probe_io_uring();

}  // namespace detail
}  // namespace v0
}  // namespace coir
