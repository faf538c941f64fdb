// SPDX-License-Identifier: BSL-1.0
// Counting the system calls of another process, by ptrace.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include <sys/types.h>

namespace coir_tool {

/// Shared by the process that traces and the one that says when.
struct TracingPhase {
    std::atomic<bool> wanted = false;    ///< tracing may begin
    std::atomic<bool> traced = false;    ///< from now on calls can be counted
    std::atomic<bool> refused = false;   ///< tracing is not permitted here
    std::atomic<bool> counting = false;  ///< calls are being counted
    std::atomic<std::uint64_t> events = 0;  ///< whatever the tracer has seen
    std::atomic<std::uint64_t> stops = 0;   ///< while counting: one when a call begins, one when it ends

    double calls() const noexcept { return static_cast<double>(stops) / 2; }
};

/// A TracingPhase that children of this process share with it.
class SharedPhase {
public:
    SharedPhase();
    SharedPhase(const SharedPhase&) = delete;
    SharedPhase& operator=(const SharedPhase&) = delete;
    ~SharedPhase();
    TracingPhase& operator*() const noexcept { return *phase_; }
    TracingPhase* operator->() const noexcept { return phase_; }

private:
    TracingPhase* phase_;
};

/// Traces a process and its threads in a thread of its own, while it lives.
class SyscallTracer {
public:
    explicit SyscallTracer(TracingPhase& phase) : phase_(phase) {}
    SyscallTracer(const SyscallTracer&) = delete;
    SyscallTracer& operator=(const SyscallTracer&) = delete;
    /// Waits for the end of the traced process.
    ~SyscallTracer();

    /// Once the phase says that it is wanted.
    void start(pid_t pid);

private:
    bool seize_threads(pid_t pid);
    void follow();

    TracingPhase& phase_;
    std::atomic<bool> over_ = false;  // nobody will want it any more
    std::thread thread_;
};

}  // namespace coir_tool
