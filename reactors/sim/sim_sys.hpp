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
    long make_child(int (*child)(void*), void* argument, char* stack_top, int flags,
                    int* pidfd) noexcept override;
    std::uint64_t random() noexcept override;
    void job_started() noexcept override { ++jobs_; }
    void job_finished() noexcept override { --jobs_; }
    void error_reported(const char* text) noexcept override { world_.error_reported(text); }
    bool take_job(void (*run)(void*) noexcept, void* argument) noexcept override;
    bool withdraw_job(void* argument) noexcept override { return world_.jobs.withdraw(argument); }
    void tick() noexcept override;
    bool picks() const noexcept override { return true; }
    bool is_closed_world() const noexcept override { return true; }
    std::size_t pick(std::size_t count) noexcept override;
    std::size_t pick_entry(const std::uint64_t* tasks, std::size_t count) noexcept override;
    void cancel_asked(std::uint64_t task, bool by_timeout) noexcept override {
        world_.trace.cancel_asked(task, by_timeout);
    }

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
    long by_world(const Arguments& call);
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
    long poll(pollfd* set, std::size_t count) noexcept;
    // Of files by their names (file_calls.cpp); `directory` may be null.
    static bool names_file(long number) noexcept;
    long on_names(const Arguments& call, const Node* directory);
    bool about_socket_file(const Arguments& call, long& result);
    long on_located(const Arguments& call, const std::string& path);
    long open(const std::string& path, const Arguments& call);
    void trace(const Arguments& call, long result) const;
    /// Into the hash of the run.
    void note(long number, long result) noexcept;
    // Of processes (process_calls.cpp).
    struct Child;
    bool on_processes(const Arguments& call, long& result);
    long make_process_call(const Arguments& call);
    long find_waited(long kind, long id, std::shared_ptr<Process>& process);
    long wait_id(const Arguments& call);
    long wait_status(const Arguments& call);
    long in_child(const Arguments& call);
    long signals_in_child(const Arguments& call);
    long control_in_child(const Arguments& call);
    long change_directory(const char* path);
    long execute(const Arguments& call);
    void leave_child() noexcept;
    long inherited_by_child(int fd);
    Handle* find_of_child(int fd);
    void close_in_child(unsigned first, unsigned last);
    long place_in_child(int target, const Handle& source, bool close_on_exec);
    void keep_standard_descriptors();
    /// The result of something that must not wait here; `waits`: the caller has not ruled it out.
    long now_or_never(const Arguments& call, const Node& node, bool waits, long result) const noexcept;
    [[noreturn]] void refuse(const Arguments& call, const char* why) const noexcept;

    World& world_;
    int jobs_ = 0;
    bool for_kernel_ = false;  // the call is a request's
    Child* child_ = nullptr;   // that is being made, and makes the calls now
    struct RingParts;
    std::unique_ptr<RingParts> ring_;
    const void* thread_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
