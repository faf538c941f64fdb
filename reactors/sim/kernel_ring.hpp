// SPDX-License-Identifier: BSL-1.0
// The kernel's half of an io_uring: what the io_uring reactor, which is the real one, talks to in a
// simulated world.
//
// Requests are made when they are taken, or later; their results show when the ring is entered, or
// later still, in an order that the seed chooses. The queues may be tiny, the kernel old, and it may
// take less than it is given. What is done with the memory of a request meanwhile is watched
// (buffer_guard.hpp), and whether its descriptor is still the one that was meant.
#pragma once

#include "in_flight.hpp"
#include "node.hpp"
#include "ring_request.hpp"
#include "threads.hpp"

#include "../io_uring_abi.hpp"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class SimSys;

/// What the kernel can do: by its age.
struct RingProfile {
    unsigned setup_flags = 0;  ///< that it knows
    bool skip_success = false;
    bool multishot = false;       ///< of accept and recv
    bool multishot_poll = false;
    bool registered_ring = false;
    bool connect_waits = false;   ///< also on descriptors that do not block
    unsigned most_completions = 4096;
};

/// What wakes a ring's loop from other threads.
class RingWaker {
public:
    virtual bool is_pending() const noexcept = 0;
    virtual void take() noexcept = 0;  ///< makes the loop's eventfd readable
    virtual int wake_fd() const noexcept = 0;

protected:
    ~RingWaker() = default;
};

class KernelRing final : public Node {
public:
    KernelRing(SimSys& sys, const RingProfile& profile, RingWaker& waker, InFlight& in_flight);
    ~KernelRing() override;

    unsigned mode() const noexcept override { return 0; }
    unsigned events() const noexcept override;
    long read(Pieces) override { return -EINVAL; }
    long write(Pieces) override { return -EINVAL; }
    void closed() override;

    // The system calls.
    long set_up(unsigned entries, io_uring_params& params);
    long control(unsigned opcode, void* argument, unsigned count);
    long enter(unsigned to_submit, unsigned least, unsigned flags, const void* argument);
    long map(std::size_t size, std::uint64_t offset) noexcept;
    bool owns(long address) const noexcept;

    /// Whether a wait has ended because nothing could ever happen; asking resets it.
    bool take_deadlock() noexcept { return std::exchange(deadlocked_, false); }

    // The requests' side.
    World& world() noexcept { return world_; }
    SimSys& sys() noexcept { return sys_; }
    const RingProfile& profile() const noexcept { return profile_; }
    /// There is something to do for it when the ring is entered.
    void has_work(std::shared_ptr<RingRequest> request);
    void post(std::uint64_t user_data, std::int32_t result, unsigned flags);
    bool is_full() const noexcept;
    void drop(RingRequest& request) noexcept;
    /// The next buffer of the group, and its number; null when there is none.
    void* peek_buffer(std::size_t& size, unsigned& id) noexcept;
    void take_buffer() noexcept { ++buffer_head_; }
    void open_guard(std::uint64_t token) { in_flight_.open(token); }
    void close_guard(std::uint64_t token) { in_flight_.close(token); }

private:
    class Asleep;
    // A line of a cache for what each side writes.
    static constexpr std::size_t sq_head_at = 0;
    static constexpr std::size_t sq_tail_at = 64;
    static constexpr std::size_t cq_head_at = 128;
    static constexpr std::size_t cq_tail_at = 192;
    static constexpr std::size_t sq_flags_at = 256;
    static constexpr std::size_t sq_array_at = 320;
    struct alignas(64) Line {
        char bytes[64];
    };
    unsigned& word(std::size_t offset) const noexcept {
        return *reinterpret_cast<unsigned*>(reinterpret_cast<char*>(queues_.get()) + offset);
    }
    unsigned& cq_head() const noexcept { return word(cq_head_at); }
    unsigned& cq_tail() const noexcept { return word(cq_tail_at); }
    io_uring_cqe* cqes() const noexcept {
        return reinterpret_cast<io_uring_cqe*>(reinterpret_cast<char*>(queues_.get()) + cqes_at_);
    }
    unsigned ready() const noexcept { return cq_tail() - cq_head(); }
    unsigned take_entries(unsigned to_submit);
    void issue(const io_uring_sqe& entry);
    void cancel(const io_uring_sqe& entry);
    void run_work();
    void flush_overflow() noexcept;
    void set_flag(unsigned flag, bool on) noexcept;
    long collect(unsigned least, TimePoint deadline);

    SimSys& sys_;
    const RingProfile profile_;
    RingWaker& waker_;
    InFlight& in_flight_;
    unsigned setup_ = 0;
    unsigned sq_entries_ = 0;
    unsigned cq_entries_ = 0;
    std::unique_ptr<Line[]> queues_;
    std::size_t queues_size_ = 0;
    std::size_t cqes_at_ = 0;
    std::unique_ptr<io_uring_sqe[]> entries_;
    std::vector<std::shared_ptr<RingRequest>> requests_;
    std::vector<std::shared_ptr<RingRequest>> work_;
    std::deque<io_uring_cqe> overflow_;
    bool deadlocked_ = false;
    bool work_is_due_ = false;  // an event is on its way that runs it
    io_uring_buf_ring* buffers_ = nullptr;
    unsigned buffer_count_ = 0;
    std::uint16_t buffer_head_ = 0;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
