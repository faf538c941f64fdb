// SPDX-License-Identifier: BSL-1.0
// See terminate.hpp. What usually brings a program here is a cancellation thrown through a function
// that is noexcept, or through a C function.
#include "terminate.hpp"

#include "backtrace.hpp"
#include "scheduler.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>

#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

std::terminate_handler previous = nullptr;

std::string describe_exception() {
    const std::exception_ptr error = std::current_exception();
    if (!error) return "without an exception";
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError& cancelled) {
        return "for its cancellation ('" + cancelled.message() +
               "'), which cannot pass a noexcept or C function: see no_cancel() and await(x, "
               "std::error_code&)";
    } catch (const std::exception& e) {
        return std::string("for an exception: ") + e.what();
    } catch (...) {
        return "for an exception that is not a std::exception";
    }
}

void report(const TaskBase& task) {
    void* frames[64];
    const int count = capture_here(frames, 64);
    log(LogLevel::error, "coir: std::terminate in task '" + task.name() + "' (" +
                             std::to_string(task.id()) + ") " + describe_exception() + "\n  at " +
                             describe_frames(frames, count, "     "));
}

[[noreturn]] void on_terminate() {
    if (const TaskBase* task = current_task_state()) {
        try {
            report(*task);
        } catch (...) {
            // The program is about to end all the same.
        }
    }
    if (previous) previous();
    std::abort();
}

constinit MadeOnce<bool> prepared;

}  // namespace

void prepare_terminate_reports() noexcept {
    prepared.get([] {
        previous = std::set_terminate(&on_terminate);
        return true;
    });
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
