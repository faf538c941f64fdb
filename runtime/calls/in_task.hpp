// SPDX-License-Identifier: BSL-1.0
// What libc's blocking calls do in a task: the same, but the task waits, not the thread. The C API
// offers them as coir_read() and so on, libcoir-legacy puts them in the place of libc's own.
//
// The pattern of all of them: try without waiting; when that says EAGAIN, and the program has not
// asked for it by O_NONBLOCK, suspend the task until the descriptor is ready, and try again. So the
// kernel alone decides about results, and a descriptor's flags stay as the program has set them.
// io_uring receives natively: it waits on blocking descriptors as it does on others, and has the
// result of the call where the readiness would have come.
//
//   receive.cpp read recv...   send.cpp write send...   connection.cpp connect accept
//   polling.cpp poll epoll     select.cpp               life.cpp close dup2...
//   time.cpp                   names.cpp                event_counters.cpp
#pragma once

#include "direct.hpp"

#include "../legacy/symbol_types.hpp"
#include "../legacy/symbols.hpp"
#include "../legacy_hooks.hpp"

#include <cstddef>

namespace coir::inline v0::detail::calls {

namespace hooks = coir::detail::legacy;
using coir::Nanoseconds;
using coir::TimePoint;
using coir::detail::Scheduler;
using hooks::Interruptible;
using hooks::Woken;

// Declared for every symbol of the table, with one more parameter: the loop of the running task.
#define COIR_LEGACY_ADD_LOOP(...) (Scheduler & loop __VA_OPT__(, ) __VA_ARGS__)
namespace in_task {
#define COIR_LEGACY_DECLARE(symbol, category, number, result, parameters, arguments) \
    COIR_API result symbol COIR_LEGACY_ADD_LOOP parameters;
COIR_LEGACY_SYMBOLS(COIR_LEGACY_DECLARE)
#undef COIR_LEGACY_DECLARE
}  // namespace in_task

/// The loop's system calls: raw, replaceable, never a wrapper's. Results are >= 0 or -errno.
using coir::detail::Sys;

/// To be called when a call in a task is done and has not suspended it: after 64 of them in a row
/// the other tasks have a turn. Keeps errno.
COIR_API void did_not_suspend(Scheduler& loop) noexcept;

/// O_NONBLOCK as the program has set it; or -errno.
long status_flags(Sys& sys, int fd) noexcept;
bool is_nonblocking(Sys& sys, int fd) noexcept;
/// When a call on `fd` that begins now must end, by SO_RCVTIMEO or SO_SNDTIMEO.
TimePoint socket_deadline(Sys& sys, int fd, int option) noexcept;
/// A file or a disk, which readiness does not concern; also when that cannot be found out.
bool is_file(Sys& sys, int fd) noexcept;
/// The size of the process's descriptor table; -1: unknown.
int descriptor_table_size(Sys& sys) noexcept;
/// Data has no boundaries there: SOCK_STREAM.
bool is_stream(Sys& sys, int fd) noexcept;

/// The waits of one call on one descriptor: asks for O_NONBLOCK and for the socket's timeout at the
/// first wait only, and goes easy on descriptors whose readiness is a lie.
class Waiting {
public:
    /// `timeout_option`: SO_RCVTIMEO, SO_SNDTIMEO, or 0. `what` names the call in dumps.
    Waiting(Scheduler& loop, int fd, short events, int timeout_option, const char* what) noexcept
        : loop_(loop), fd_(fd), timeout_option_(timeout_option), events_(events), what_(what) {}
    /// The call said EAGAIN. Returns 0 when it should be tried again, or the -errno to end with.
    long wait() noexcept;
    /// Whether the reactor can make the call itself, on a descriptor that may block.
    bool is_native() noexcept { return !hooks::readiness_only(loop_) && !nonblocking(); }
    /// Suspends until the reactor has made the call; its result, or the -errno to end with.
    long carry_out(const hooks::WaitOperation& call) noexcept;
    /// Whether the program wants EAGAIN on this descriptor.
    bool nonblocking() noexcept;
    /// Bytes have moved since the last wait.
    void progress() noexcept { futile_ = 0; }
    bool suspended() const noexcept { return suspended_; }
    /// Flags for the next try. Who has waited for room on a unix socket learns of its end without
    /// SIGPIPE.
    int quietly() const noexcept { return unix_sender_ ? MSG_NOSIGNAL : 0; }

private:
    Interruptible interruptible() const noexcept;
    void begin() noexcept;
    void look_at_socket() noexcept;
    Woken wait_for_readiness(hooks::WaitOperation& operation) noexcept;

    Scheduler& loop_;
    int fd_;
    int timeout_option_;
    short events_;
    const char* what_;
    bool flags_known_ = false;
    bool nonblocking_ = false;
    bool deadline_known_ = false;
    bool suspended_ = false;
    bool unix_sender_ = false;
    unsigned futile_ = 0;
    TimePoint deadline_ = coir::never;
};

/// What a call says when its wait has ended otherwise than by an event: -errno, -EAGAIN for the
/// deadline.
long to_error(Woken woken) noexcept;

/// One operation of code poll.
void prepare_poll(hooks::WaitOperation& operation, int fd, short events) noexcept;
/// How long to stay away from a descriptor that says ready and is not: none for the first few
/// times, then 1 to 10 milliseconds.
Nanoseconds pause_after(unsigned futile) noexcept;
/// Sleeps; outcome timeout, cancelled or interrupted.
Woken rest(Scheduler& loop, TimePoint until, const char* what,
           Interruptible interruptible = Interruptible::restarts) noexcept;

}  // namespace coir::inline v0::detail::calls
