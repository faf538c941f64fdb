// SPDX-License-Identifier: BSL-1.0
// The plug-in interface between coir and the kernel: operations, reactors, their registration.
//
// A reactor knows operations and never tasks. Four calls are enough for one of your own (submit,
// cancel, wait, wake; see examples/your_own_reactor.cpp): one that supports only OpCode::poll runs
// everything, because coir waits for readiness through it and makes the calls itself. How to run the
// conformance suite on yours: tests/support/own_reactor.hpp.
//
// Threads: every call comes on the loop's thread, except wake(). Reactors never throw, never run
// user code, own no timer, and report errors as -errno. Deadlines are std::chrono::steady_clock's
// (world()->now() of a reactor that supplies a world). COIR_DEBUG=reactor, and every build without
// NDEBUG, aborts with a line on stderr when this contract is broken.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/sys.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

namespace coir {
inline namespace v0 {

/// What an Operation asks for. Append-only: the numbers are part of the plug-in ABI.
enum class OpCode : std::uint8_t {
    nop,
    poll,      ///< wait for `flags` (POLLIN, POLLOUT, ...; may be 0); the result is poll(2)'s revents:
               ///< what was asked for, POLLERR, POLLHUP, POLLNVAL (or -EBADF). Level-triggered.
    read,      ///< buffer; at `offset`, or at the file position when it is `no_offset`
    write,
    readv,     ///< iovecs
    writev,
    recv,      ///< buffer, message flags
    send,
    recvmsg,   ///< message, message flags
    sendmsg,
    accept,    ///< the result is a new descriptor (close-on-exec); the peer's address when asked
    connect,   ///< address; -EAGAIN: a Unix listener's queue is full, and nothing tells when to retry
    shutdown,  ///< flags: SHUT_RD, SHUT_WR, SHUT_RDWR
    close,
    open,      ///< path (`buffer`), flags, mode (`size`); relative to `fd` (AT_FDCWD)
    fsync,     ///< flags: 1 = data only
    stat,      ///< path (`buffer`) relative to `fd`, statx buffer (`address`), mask (`size`), flags
    count_     ///< how many there are
};

/// The name of an operation as it appears in error messages ("recv").
COIR_API const char* to_string(OpCode code) noexcept;

/// The way an operation was carried out, recorded for metrics and for cancellation.
enum class Route : std::uint8_t { undecided, immediate, native, readiness, pool };

/// `Operation::offset` of a read or write at the current file position.
inline constexpr std::uint64_t no_offset = ~std::uint64_t{0};

/// Hints about the descriptor of an operation.
enum OperationHint : std::uint8_t {
    hint_none = 0,
    /// coir created the descriptor and announces its close by fd_closing(): it may stay registered.
    hint_owned = 1,
    /// A stream socket: a transfer that fills less than the buffer means the kernel has no more.
    hint_stream = 2,
    /// A Unix stream socket: the same, but a receive also ends where descriptors were passed, and
    /// only recvmsg() tells (MSG_CTRUNC).
    hint_unix_stream = 4,
    /// Of a recv without flags: it may also complete with -EAGAIN, when there is something to receive.
    /// Whoever waits then calls receive_now(). What follows, and mostly it is the answer, finds the
    /// socket in the nearest caches.
    hint_receives_itself = 8,
};

/// One request to the kernel. It lives where its waiter lives, usually on the awaiting stack, and
/// never moves; from submit() until its one completion it and its buffers belong to the reactor.
struct Operation {
    OpCode code = OpCode::nop;
    Route route = Route::undecided;
    std::uint8_t hints = hint_none;
    std::uint8_t state = 0;  ///< the reactor's
    int fd = -1;
    void* buffer = nullptr;  ///< bytes; iovec array (readv, writev); msghdr (recvmsg, sendmsg); path
    std::size_t size = 0;    ///< bytes; number of iovecs
    std::uint32_t flags = 0;
    std::int32_t result = 0;  ///< >= 0, or -errno; valid once completed
    /// Runs on the loop after wait() returned; makes the waiter ready. Must not throw.
    void (*complete)(Operation&) noexcept = nullptr;
    Operation* next = nullptr;    ///< the reactor's until completion, then the completion list's
    std::uint64_t reactor_data = 0;  ///< the reactor's
    // What follows is of no concern to a message of a stream, which needs not more than a cache line.
    std::uint64_t offset = no_offset;
    sockaddr* address = nullptr;        ///< connect: to; accept: where the peer's goes, or null
    socklen_t* address_size = nullptr;  ///< accept: in and out
    socklen_t address_length = 0;       ///< connect
};

/// One event of a MultiOperation.
struct MultiEvent {
    std::int32_t result = 0;      ///< as of the operation's code; the last one may be -errno
    bool more = false;            ///< false: this was the last event
    void* buffer = nullptr;       ///< recv: the leased buffer that holds `result` bytes
    std::uint32_t buffer_id = 0;  ///< recv: give it back by Reactor::return_buffer()
};

/// A long-lived source of events: multishot accept, receive into leased buffers, poll. It is owned
/// by a listener or stream, not by a frame, and may be freed only after its last event.
struct MultiOperation {
    OpCode code = OpCode::nop;  ///< accept, recv or poll
    std::uint8_t hints = hint_none;
    int fd = -1;
    std::uint32_t flags = 0;
    void (*event)(MultiOperation&, const MultiEvent&) noexcept = nullptr;  ///< runs on the loop
    std::uint64_t reactor_data = 0;                                        ///< the reactor's
};

/// Where wait() puts what has happened. The scheduler runs it afterwards, never inside wait().
class CompletionList {
public:
    CompletionList() = default;
    CompletionList(const CompletionList&) = delete;
    CompletionList& operator=(const CompletionList&) = delete;

    /// Completes `operation`; the reactor must not touch it afterwards.
    void finish(Operation& operation, std::int32_t result) noexcept {
        operation.result = result;
        operation.next = nullptr;
        *tail_ = &operation;
        tail_ = &operation.next;
        ++size_;
    }
    /// Adds an event of a multi-operation. The list is given room before wait(): a reactor adds at
    /// most `event_room()` of them in one turn.
    void event(MultiOperation& source, const MultiEvent& event) noexcept {
        events_.push_back({&source, event});
    }
    std::size_t event_room() const noexcept { return events_.capacity() - events_.size(); }
    std::size_t size() const noexcept { return size_; }

    // The scheduler's side.
    struct Pending {
        MultiOperation* source;
        MultiEvent event;
    };
    void reserve_events(std::size_t count) { events_.reserve(count); }
    Operation* take() noexcept {
        Operation* first = first_;
        first_ = nullptr;
        tail_ = &first_;
        size_ = 0;
        return first;
    }
    std::vector<Pending>& events() noexcept { return events_; }

private:
    Operation* first_ = nullptr;
    Operation** tail_ = &first_;
    std::size_t size_ = 0;
    std::vector<Pending> events_;
};

/// What one wait() did.
struct WaitResult {
    std::uint32_t completed = 0;
    bool woken = false;      ///< wake() was called since the last wait
    std::int32_t error = 0;  ///< -errno when the reactor itself can no longer work
};

/// Counters for metrics; all since the reactor was made.
struct ReactorCounters {
    std::uint64_t submitted = 0;   ///< operations taken by submit()
    std::uint64_t immediate = 0;   ///< operations done by try_now()
    std::uint64_t completed = 0;
    std::uint64_t cancelled = 0;   ///< cancel() calls
    std::uint64_t waits = 0;       ///< kernel waits (epoll_wait, poll, io_uring_enter)
    std::uint64_t sleeps = 0;      ///< of these, the ones that were allowed to block
    std::uint64_t wakes = 0;       ///< wakes that came through the kernel
    std::uint64_t arms = 0;        ///< registrations (epoll_ctl, poll set changes)
};

/// The interface. See the top of this file for threads and errors.
class COIR_API Reactor {
public:
    Reactor() = default;
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;
    virtual ~Reactor();

    virtual std::string_view name() const noexcept = 0;
    /// Takes an operation. May queue it; it completes exactly once, in a later wait(). Comes
    /// after try_now() has said no to it; a poll may also come untried.
    virtual void submit(Operation& operation) noexcept = 0;
    /// A request: the operation still completes, with -ECANCELED or with its natural result. Comes
    /// only between submit() and the wait() that completes it.
    virtual void cancel(Operation& operation) noexcept = 0;
    /// Flushes what is queued, collects what has happened, and, when there is nothing, sleeps until
    /// `deadline` at most (a deadline in the past: never). A signal may end it early.
    virtual WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept = 0;
    /// Ends a wait() that sleeps, or the next one. Any thread, and safe in a signal handler.
    virtual void wake() noexcept = 0;

    // Optional.

    /// Called once on the loop's thread before anything else.
    virtual void attach() noexcept;
    /// Which operations submit() takes. The default: only poll.
    virtual bool supports(OpCode code) const noexcept;
    /// Does the operation at once if that needs no waiting: true means `result` is set and that it
    /// will not be completed. False means: submit() it. The default: false.
    virtual bool try_now(Operation& operation) noexcept;
    /// Starts a multi-operation; false when the reactor has no such thing.
    virtual bool submit(MultiOperation& operation) noexcept;
    /// A request: the last event still comes.
    virtual void cancel(MultiOperation& operation) noexcept;
    /// Gives a leased receive buffer back.
    virtual void return_buffer(std::uint32_t buffer_id) noexcept;
    /// coir is about to close `fd`: finish what waits on it with -ECANCELED and forget it.
    virtual void fd_closing(int fd) noexcept;
    /// A descriptor that polls readable when wait() would return something; -1: cannot be embedded.
    virtual int pollable_fd() const noexcept;
    /// Whether wait() has something to do that pollable_fd() does not show: requests that the kernel
    /// has not been given yet, or results that wait to be collected. The default: false.
    virtual bool has_unsent() const noexcept;
    /// For how long a loop that has other work may put off the next wait(), because one is expensive here:
    /// where it costs what all descriptors cost. Timers and other threads are heard all the same. The
    /// default: 0, the loop decides.
    virtual Nanoseconds wait_pause() const noexcept;
    /// In the child of a fork: forget the kernel objects that are shared with the parent.
    virtual void forked_child() noexcept;
    virtual void counters(ReactorCounters& counters) const noexcept;
    /// The system that goes with this reactor; null: the real one. The simulator supplies time,
    /// order, and later sockets and files, in memory. Must live as long as the reactor.
    virtual detail::Sys* world() noexcept;
    /// What is in force, in words ("SINGLE_ISSUER|DEFER_TASKRUN, 256 entries").
    virtual std::string details() const;
    /// try_now(), and submit() where that says no; the default does just this. For reactors that are
    /// quicker when they know that both are wanted.
    virtual bool begin(Operation& operation) noexcept;
    /// Sends what can be sent at once through a socket that is hint_owned and hint_stream or
    /// hint_unix_stream, as a send without flags would: bytes, or -errno. -EAGAIN, which is the default:
    /// nothing was sent, and an operation is to be begun. `size` is at most 1 GiB.
    virtual std::int32_t send_now(int fd, const void* data, std::size_t size) noexcept;
    /// The receive of an operation that has completed with -EAGAIN by hint_receives_itself: bytes, or
    /// -errno; -EAGAIN when there is nothing after all.
    virtual std::int32_t receive_now(Operation& operation) noexcept;
};

/// Whether a reactor can be used here, and if not, why.
struct Verdict {
    bool usable = false;
    std::string reason;  ///< why not, or what is in force
    std::string advice;  ///< what the user could do about it; may be empty
};

/// What a reactor is made with.
struct ReactorOptions {
    detail::Sys* sys = nullptr;   ///< never null when a factory is called
    std::string parameters;       ///< what followed the name in the spec ("seed=7" of "sim:seed=7")
    std::uint64_t seed = 0;
};

/// A row of the registry.
struct ReactorFactory {
    std::string name;
    int rank = 0;  ///< order of the automatic choice: higher first; negative: never automatic
    Verdict (*probe)() = nullptr;  ///< a real try, without side effects
    std::unique_ptr<Reactor> (*create)(const ReactorOptions&) = nullptr;  ///< throws when it cannot
};

/// Adds a reactor of your own, which `RunOptions::reactor` and COIR_REACTOR can then name. Throws
/// std::invalid_argument when the name is empty, taken, or not made of letters, digits, `_`, `-`
/// and `+`, or when a function is missing. Any thread, before the loops that use it are made.
COIR_API void register_reactor(ReactorFactory factory);

}  // namespace v0
}  // namespace coir
