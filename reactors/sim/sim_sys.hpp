// SPDX-License-Identifier: BSL-1.0
// The system calls, clock and order of a simulated world.
//
// What it has no answer for ends the program: a call that went on to the kernel in silence would
// make the run depend on the machine. What may go to the kernel is listed in sim_sys.cpp.
#pragma once

#include "world.hpp"

#include <coir/detail/sys.hpp>

#include <poll.h>
#include <sys/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class InFlight;
class KernelRing;
class RingWaker;
class Socket;
struct RingProfile;

extern constinit thread_local char this_thread;  ///< its address tells threads apart

class SimSys final : public Sys {
public:
    explicit SimSys(World& world);
    ~SimSys() override;

    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override;
    TimePoint now() noexcept override { return world_.now(); }
    std::uint64_t random() noexcept override;
    void job_started() noexcept override { ++jobs_; }
    void job_finished() noexcept override { --jobs_; }
    void tick() noexcept override;
    bool picks() const noexcept override { return true; }
    bool is_closed_world() const noexcept override { return true; }
    std::size_t pick(std::size_t count) noexcept override;
    std::size_t pick_entry(const std::uint64_t* tasks, std::size_t count) noexcept override;

    bool jobs_outside() const noexcept { return jobs_ > 0; }
    World& world() noexcept { return world_; }

    // Of a loop on a simulated io_uring (ring_calls.cpp).
    void set_ring(const RingProfile& profile, RingWaker& waker, InFlight& in_flight);
    bool take_deadlock() noexcept;
    static constexpr unsigned registered_ring = 0;  ///< its number among the registered ones
    /// A call that the kernel makes for a request; what would wait says so, also when the descriptor
    /// blocks.
    long from_kernel(Node* node, long number, long fd, long b, long c, long d, long e) noexcept;
    /// What poll(2) says of a file.
    long poll_file(int fd, unsigned events) noexcept;

private:
    struct Arguments {
        long number;
        long a, b, c, d, e, f;
        int fd() const noexcept { return static_cast<int>(a); }
    };
    long in_world(const Arguments& call, Node& node);
    long on_ring(const Arguments& call);
    bool on_ring_memory(const Arguments& call, long& result);
    long on_socket(const Arguments& call, Socket& socket);
    long transfer(const Arguments& call, Node& node);
    long outside(const Arguments& call);
    long to_kernel(const Arguments& call) noexcept;
    long on_memory(const Arguments& call) noexcept;
    long make_socket(const Arguments& call);
    long make_pair(const Arguments& call);
    long make_pipe_ends(const Arguments& call);
    long accept(const Arguments& call, Socket& socket);
    long receive(const Arguments& call, Socket& socket);
    long send(const Arguments& call, Socket& socket);
    long many(const Arguments& call, Socket& socket);
    long file_control(const Arguments& call, Node& node);
    long describe(const Node& node, struct stat& status) noexcept;
    long poll(pollfd* set, std::size_t count) noexcept;
    bool named_in_world(const Arguments& call, long& result);
    /// The result of something that must not wait here; `waits`: the caller has not ruled it out.
    long now_or_never(const Arguments& call, const Node& node, bool waits, long result) const noexcept;
    [[noreturn]] void refuse(const Arguments& call, const char* why) const noexcept;

    World& world_;
    int jobs_ = 0;
    bool for_kernel_ = false;  // the call is a request's
    struct RingParts;
    std::unique_ptr<RingParts> ring_;
    const void* thread_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
