// SPDX-License-Identifier: BSL-1.0
// Every exception that coir throws.
//
// One of them, CancelledError, is not a std::exception: ordinary `catch (const std::exception&)`
// handlers must not swallow a cancellation (asyncio learned this in Python 3.8). Everything else
// derives from a standard exception type.
#pragma once

#include <coir/detail/config.hpp>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {

/// Thrown at a suspension point of a task that was cancelled. Let it pass, or rethrow it after
/// cleaning up; catching it for good is legal and counts as a swallowed cancellation
/// (`Task::cancelling()` stays above zero until `uncancel()`).
class COIR_API CancelledError {
public:
    explicit CancelledError(std::string message = {}) : message_(std::move(message)) {}
    CancelledError(const CancelledError&) = default;
    CancelledError(CancelledError&&) noexcept = default;
    CancelledError& operator=(const CancelledError&) = default;
    CancelledError& operator=(CancelledError&&) noexcept = default;
    virtual ~CancelledError();
    /// What was given to `cancel()`; empty when nothing was.
    const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

/// A write was cancelled. A part of it may have gone out: a protocol cannot just go on.
class COIR_API WriteCancelledError : public CancelledError {
public:
    WriteCancelledError(std::string message, std::size_t transferred)
        : CancelledError(std::move(message)), transferred_(transferred) {}
    WriteCancelledError(const WriteCancelledError&) = default;
    WriteCancelledError(WriteCancelledError&&) noexcept = default;
    WriteCancelledError& operator=(const WriteCancelledError&) = default;
    WriteCancelledError& operator=(WriteCancelledError&&) noexcept = default;
    ~WriteCancelledError() override;
    /// Bytes of the call that the kernel had taken.
    std::size_t transferred() const noexcept { return transferred_; }

private:
    std::size_t transferred_;
};

/// What was awaited had been cancelled by somebody else; the awaiting task itself was not.
class COIR_API TaskCancelledError : public std::runtime_error {
public:
    explicit TaskCancelledError(std::string message);
    ~TaskCancelledError() override;
    /// What was given to `cancel()`; empty when nothing was.
    const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

/// A deadline passed: `wait_for`, `with_timeout`, `with_deadline`.
class COIR_API TimeoutError : public std::runtime_error {
public:
    TimeoutError();
    explicit TimeoutError(const std::string& what);
    ~TimeoutError() override;
};

/// `run()` was ended by SIGINT or SIGTERM.
class COIR_API Interrupted : public std::runtime_error {
public:
    explicit Interrupted(int signo);
    ~Interrupted() override;
    int signo() const noexcept { return signo_; }

private:
    int signo_;
};

/// A future or task is in the wrong state for the call: set twice, read before it is done, moved
/// from, or an empty handle.
class COIR_API InvalidStateError : public std::logic_error {
public:
    explicit InvalidStateError(const std::string& what);
    ~InvalidStateError() override;
};

/// A `Promise` was destroyed before it was given a value or an exception.
class COIR_API BrokenPromise : public std::runtime_error {
public:
    BrokenPromise();
    ~BrokenPromise() override;
};

/// An object of one loop was used from another thread or loop. Only what is documented as "any
/// thread" may be.
class COIR_API WrongThreadError : public std::logic_error {
public:
    explicit WrongThreadError(const std::string& what);
    ~WrongThreadError() override;
};

/// All tasks wait for each other or for nothing, and nothing outside can wake them. Thrown by run()
/// only when it was asked for (RunOptions::on_deadlock); by default a line in the log says so, and the
/// loop goes on waiting.
class COIR_API DeadlockError : public std::runtime_error {
public:
    explicit DeadlockError(const std::string& what);
    ~DeadlockError() override;
};

/// No stack could be had for a new task. `what()` names the limit that was hit.
class COIR_API StackAllocError : public std::runtime_error {
public:
    explicit StackAllocError(const std::string& what);
    ~StackAllocError() override;
};

/// A system call failed. Carries the errno as `code()`, and names the operation and descriptor.
class COIR_API IoError : public std::system_error {
public:
    /// `error_number` is a positive errno; `fd` is -1 when there is none. `detail` is appended.
    IoError(int error_number, std::string operation, int fd = -1, const std::string& detail = {});
    ~IoError() override;
    const std::string& operation() const noexcept { return operation_; }
    int fd() const noexcept { return fd_; }
    /// Bytes that had gone out before a write failed or was cancelled; 0 elsewhere.
    std::size_t transferred() const noexcept { return transferred_; }
    void set_transferred(std::size_t bytes) noexcept { transferred_ = bytes; }

private:
    std::string operation_;
    int fd_;
    std::size_t transferred_ = 0;
};

/// The peer closed before as many bytes had come as were asked for, or before the separator.
class COIR_API IncompleteReadError : public std::runtime_error {
public:
    IncompleteReadError(std::string partial, std::size_t expected);
    ~IncompleteReadError() override;
    /// What had come; it has been taken out of the stream.
    const std::string& partial() const noexcept { return partial_; }
    /// How many bytes were asked for; 0 when a separator was.
    std::size_t expected() const noexcept { return expected_; }

private:
    std::string partial_;
    std::size_t expected_;
};

/// A line or block is longer than the stream's limit. The data stays in the stream.
class COIR_API LimitOverrunError : public std::runtime_error {
public:
    LimitOverrunError(const std::string& what, std::size_t consumed);
    ~LimitOverrunError() override;
    /// Bytes in the stream's buffer that can be skipped.
    std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

/// `put_nowait` on a full queue.
class COIR_API QueueFull : public std::runtime_error {
public:
    QueueFull();
    ~QueueFull() override;
};

/// `get_nowait` on an empty queue.
class COIR_API QueueEmpty : public std::runtime_error {
public:
    QueueEmpty();
    ~QueueEmpty() override;
};

/// The queue was shut down: nothing can be put, and nothing is left to get.
class COIR_API QueueShutDown : public std::runtime_error {
public:
    QueueShutDown();
    explicit QueueShutDown(const std::string& what);
    ~QueueShutDown() override;
};

/// The channel was closed: nothing can be sent.
class COIR_API ChannelClosed : public QueueShutDown {
public:
    ChannelClosed();
    ~ChannelClosed() override;
};

/// A barrier was reset while the task waited at it, or has been aborted.
class COIR_API BrokenBarrierError : public std::runtime_error {
public:
    BrokenBarrierError();
    ~BrokenBarrierError() override;
};

/// Several errors at once, in the order in which they happened. A task group throws one even for
/// a single error, so that the shape of what is caught does not depend on timing.
class COIR_API ExceptionGroup : public std::exception {
public:
    ExceptionGroup(const std::string& message, std::vector<std::exception_ptr> exceptions);
    ExceptionGroup(const ExceptionGroup&);
    ExceptionGroup& operator=(const ExceptionGroup&);
    ~ExceptionGroup() override;
    const char* what() const noexcept override;
    const std::vector<std::exception_ptr>& exceptions() const noexcept { return exceptions_; }

    /// Divides it into the errors that `catch (const E&)` would take and the rest, in order. A group
    /// inside the group is divided too and stays a group, unless E takes it whole. Either part may
    /// be empty: `auto [mine, rest] = group.split<IoError>(); ... if (rest) rest.rethrow();`
    template <class E>
    std::pair<ExceptionGroup, ExceptionGroup> split() const {
        return split_by(&is_a<E>);
    }
    /// False for an empty group.
    explicit operator bool() const noexcept { return !exceptions_.empty(); }
    [[noreturn]] void rethrow() const { throw *this; }

private:
    template <class E>
    static bool is_a(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const E&) {
            return true;
        } catch (...) {
            return false;
        }
    }
    std::pair<ExceptionGroup, ExceptionGroup> split_by(
        bool (*matches)(const std::exception_ptr&)) const;

    std::string message_;
    std::string what_;
    std::vector<std::exception_ptr> exceptions_;
};

}  // namespace v0
}  // namespace coir
