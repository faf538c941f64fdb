// SPDX-License-Identifier: BSL-1.0
// What a Process points to.
//
//   running --reap()--> ended (the status is known, or was stolen)
//   handle dropped while running: killed, reaped; unless detached
//
// The descriptor is a pidfd, or none where the kernel has no such thing.
#pragma once

#include "loop_object.hpp"

#include <coir/error.hpp>
#include <coir/process.hpp>
#include <coir/timeout.hpp>

#include <optional>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

class ProcessState final : public LoopFd {
public:
    ProcessState(Scheduler& scheduler, int pidfd, pid_t number, bool leads, std::string program)
        : LoopFd(scheduler, pidfd), pid(number), leads_group(leads), name(std::move(program)) {}

    ExitStatus wait();
    /// Takes the status if there is one; never waits.
    bool reap() noexcept;
    bool send_signal(int signo);
    bool signal_group(int signo);
    ProcessOutput communicate(std::string_view input, const CommunicateOptions& options);
    void detach();
    /// The handle has gone.
    void drop() noexcept;

    const pid_t pid;
    const bool leads_group;
    const std::string name;  ///< of the program
    std::optional<ExitStatus> status;
    std::optional<ProcessStream> pipes[3];

private:
    void wait_for_news(Nanoseconds& pause);
    void kill_and_reap() noexcept;
    void reap_masked(TaskBase& self) noexcept;
    void reap_blocking() noexcept;
    void feed(std::string_view input);
    void collect(int number, std::string& into, const bool& given_up);

    bool detached_ = false;
};

/// Whether `f()` returned before the time was over; if not, it was cancelled.
template <class F>
bool in_time(Nanoseconds limit, F&& f) {
    try {
        with_timeout(limit, std::forward<F>(f));
        return true;
    } catch (const TimeoutError&) {
        return false;
    }
}

void drop_process(ProcessState* state) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
