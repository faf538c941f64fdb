// SPDX-License-Identifier: BSL-1.0
// Exception classes: their key functions and texts.
#include <coir/error.hpp>

#include <cstring>

namespace coir {
inline namespace v0 {
namespace {

std::string with_message(const char* what, const std::string& message) {
    return message.empty() ? what : std::string(what) + ": " + message;
}

std::string io_context(const std::string& operation, int fd, const std::string& detail) {
    std::string text = "coir: " + operation;
    if (fd >= 0) text += " on descriptor " + std::to_string(fd);
    if (!detail.empty()) text += " (" + detail + ")";
    return text;
}

std::string first_line(std::exception_ptr error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

}  // namespace

CancelledError::~CancelledError() = default;
WriteCancelledError::~WriteCancelledError() = default;

TaskCancelledError::TaskCancelledError(std::string message)
    : std::runtime_error(with_message("coir: what was awaited was cancelled", message)),
      message_(std::move(message)) {}
TaskCancelledError::~TaskCancelledError() = default;

TimeoutError::TimeoutError() : TimeoutError("coir: the deadline passed") {}
TimeoutError::TimeoutError(const std::string& what) : std::runtime_error(what) {}
TimeoutError::~TimeoutError() = default;

Interrupted::Interrupted(int signo)
    : std::runtime_error(std::string("coir: interrupted by ") + ::strsignal(signo)),
      signo_(signo) {}
Interrupted::~Interrupted() = default;

InvalidStateError::InvalidStateError(const std::string& what) : std::logic_error(what) {}
InvalidStateError::~InvalidStateError() = default;

BrokenPromise::BrokenPromise()
    : std::runtime_error("coir: the promise was dropped before it was set") {}
BrokenPromise::~BrokenPromise() = default;

WrongThreadError::WrongThreadError(const std::string& what) : std::logic_error(what) {}
WrongThreadError::~WrongThreadError() = default;

DeadlockError::DeadlockError(const std::string& what) : std::runtime_error(what) {}
DeadlockError::~DeadlockError() = default;

StackAllocError::StackAllocError(const std::string& what) : std::runtime_error(what) {}
StackAllocError::~StackAllocError() = default;

IoError::IoError(int error_number, std::string operation, int fd, const std::string& detail)
    : std::system_error(error_number, std::generic_category(), io_context(operation, fd, detail)),
      operation_(std::move(operation)),
      fd_(fd) {}
IoError::~IoError() = default;

IncompleteReadError::IncompleteReadError(std::string partial, std::size_t expected)
    : std::runtime_error("coir: the stream ended after " + std::to_string(partial.size()) +
                         " bytes" +
                         (expected != 0 ? " of " + std::to_string(expected)
                                        : std::string(", before the separator"))),
      partial_(std::move(partial)),
      expected_(expected) {}
IncompleteReadError::~IncompleteReadError() = default;

LimitOverrunError::LimitOverrunError(const std::string& what, std::size_t consumed)
    : std::runtime_error(what), consumed_(consumed) {}
LimitOverrunError::~LimitOverrunError() = default;

QueueFull::QueueFull() : std::runtime_error("coir: the queue is full") {}
QueueFull::~QueueFull() = default;
QueueEmpty::QueueEmpty() : std::runtime_error("coir: the queue is empty") {}
QueueEmpty::~QueueEmpty() = default;
QueueShutDown::QueueShutDown() : QueueShutDown("coir: the queue was shut down") {}
QueueShutDown::QueueShutDown(const std::string& what) : std::runtime_error(what) {}
QueueShutDown::~QueueShutDown() = default;
ChannelClosed::ChannelClosed() : QueueShutDown("coir: the channel was closed") {}
ChannelClosed::~ChannelClosed() = default;
BrokenBarrierError::BrokenBarrierError() : std::runtime_error("coir: the barrier is broken") {}
BrokenBarrierError::~BrokenBarrierError() = default;

ExceptionGroup::ExceptionGroup(const std::string& message,
                               std::vector<std::exception_ptr> exceptions)
    : message_(message), what_(message), exceptions_(std::move(exceptions)) {
    what_ += " (" + std::to_string(exceptions_.size()) +
             (exceptions_.size() == 1 ? " error" : " errors");
    if (!exceptions_.empty()) what_ += "; the first: " + first_line(exceptions_.front());
    what_ += ')';
}
ExceptionGroup::ExceptionGroup(const ExceptionGroup&) = default;
ExceptionGroup& ExceptionGroup::operator=(const ExceptionGroup&) = default;
ExceptionGroup::~ExceptionGroup() = default;
const char* ExceptionGroup::what() const noexcept { return what_.c_str(); }

std::pair<ExceptionGroup, ExceptionGroup> ExceptionGroup::split_by(
    bool (*matches)(const std::exception_ptr&)) const {
    std::vector<std::exception_ptr> taken;
    std::vector<std::exception_ptr> left;
    for (const std::exception_ptr& error : exceptions_) {
        if (matches(error)) {
            taken.push_back(error);
            continue;
        }
        try {
            std::rethrow_exception(error);
        } catch (const ExceptionGroup& inner) {
            auto [mine, rest] = inner.split_by(matches);
            if (mine) taken.push_back(std::make_exception_ptr(std::move(mine)));
            if (rest) left.push_back(std::make_exception_ptr(std::move(rest)));
        } catch (...) {
            left.push_back(error);
        }
    }
    return {ExceptionGroup(message_, std::move(taken)), ExceptionGroup(message_, std::move(left))};
}

}  // namespace v0
}  // namespace coir
