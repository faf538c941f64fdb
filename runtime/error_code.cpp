// SPDX-License-Identifier: BSL-1.0
// The error category, and what code stands for which exception.
#include <coir/error_code.hpp>

#include <coir/await.hpp>
#include <coir/detail/task_state.hpp>
#include <coir/error.hpp>

#include <new>
#include <string>
#include <system_error>

namespace coir {
inline namespace v0 {
namespace {

class Category final : public std::error_category {
public:
    const char* name() const noexcept override { return "coir"; }
    std::string message(int code) const override {
        switch (static_cast<Errc>(code)) {
            case Errc::cancelled:
                return "the task was cancelled";
            case Errc::task_cancelled:
                return "what was awaited was cancelled";
            case Errc::timed_out:
                return "the deadline passed";
            case Errc::invalid_state:
                return "a task or future is in the wrong state for the call";
            case Errc::wrong_thread:
                return "an object of another loop or thread was used";
            case Errc::broken_promise:
                return "the promise was dropped before it was set";
            case Errc::failed:
                return "an exception that has no error code was thrown";
        }
        return "unknown code " + std::to_string(code);
    }
    std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<Errc>(code)) {
            case Errc::cancelled:
            case Errc::task_cancelled:
                return std::errc::operation_canceled;
            case Errc::timed_out:
                return std::errc::timed_out;
            case Errc::invalid_state:
            case Errc::wrong_thread:
            case Errc::broken_promise:
            case Errc::failed:
                return std::errc::state_not_recoverable;
        }
        return {code, *this};
    }
};

constinit const Category category;

}  // namespace

const std::error_category& error_category() noexcept {
    return category;
}

namespace detail {

std::error_code current_exception_code() noexcept {
    try {
        throw;
    } catch (const CancelledError& cancelled) {
        if (TaskBase* task = current_task_state()) task->put_back_cancel(cancelled.message());
        return Errc::cancelled;
    } catch (const TaskCancelledError&) {
        return Errc::task_cancelled;
    } catch (const TimeoutError&) {
        return Errc::timed_out;
    } catch (const InvalidStateError&) {
        return Errc::invalid_state;
    } catch (const WrongThreadError&) {
        return Errc::wrong_thread;
    } catch (const BrokenPromise&) {
        return Errc::broken_promise;
    } catch (const std::system_error& error) {
        return error.code();
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    } catch (...) {
        return Errc::failed;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
