// SPDX-License-Identifier: BSL-1.0
// What a loop says about errors that nobody can catch, and in debug mode about what looks wrong.
#include "backtrace.hpp"
#include "context.hpp"
#include "duration.hpp"
#include "environment.hpp"
#include "step_watch.hpp"
#include "terminate.hpp"

#include <coir/detail/loop_mark.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>

#include <new>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// How many lost errors are logged in full; then they are counted.
constexpr std::uint64_t shown_in_full = 10;

}  // namespace

// --- Errors that nobody can catch ---------------------------------------------------------------

std::string describe(const ExceptionContext& context) {
    std::string text = "coir: " + context.message;
    if (context.task) text += " (task '" + context.task.name() + "')";
    if (context.exception) {
        try {
            std::rethrow_exception(context.exception);
        } catch (const std::exception& error) {
            text += std::string(": ") + error.what();
        } catch (const CancelledError& error) {
            text += ": cancelled " + error.message();
        } catch (...) {
            text += ": an exception that is not a std::exception";
        }
    }
    return text + creation_note(context.created_at);
}

void Scheduler::set_exception_handler(std::function<void(const ExceptionContext&)> handler) {
    exception_handler_ = std::move(handler);
}

void Scheduler::report(const ExceptionContext& context) noexcept {
    try {
        if (!exception_handler_ || closed_) {
            const std::string text = describe(context);
            sys_->error_reported(text.c_str());
            log(LogLevel::error, text);
            return;
        }
        try {
            exception_handler_(context);
        } catch (...) {
            log(LogLevel::error, describe(context));
            log(LogLevel::error, describe({"the exception handler threw while it handled that",
                                           std::current_exception(), {}, {}}));
        }
    } catch (...) {
        log(LogLevel::error, "coir: an error could not be reported");
    }
}

void Scheduler::report_current(const char* message, const CallbackBase* callback) noexcept {
    try {
        std::string created_at;
        if (callback) created_at = describe_creation(dynamic_cast<const void*>(callback));
        report({message, std::current_exception(), {}, std::move(created_at)});
    } catch (const std::bad_alloc&) {
        log(LogLevel::error, message);
    }
}

void Scheduler::report_unretrieved(StateBase& state) noexcept {
    ++unretrieved_errors_;
    if (state.detached_ && detached_aborts_) detached_task_failed(state);
    if (!exception_handler_ && !closed_ && unretrieved_errors_ > shown_in_full) return;
    try {
        std::string message = "exception of a future was never retrieved";
        ContextSlot none;
        ContextSlot* context = &none;
        if (state.is_task()) {
            TaskBase& task = static_cast<TaskBase&>(state);
            message = "exception in task '" + task.name() + "' was never retrieved";
            context = &task.variables();
        }
        std::string created_at = describe_creation(dynamic_cast<const void*>(&state));
        const InContext in(*this, *context);
        report({std::move(message), state.error(), {}, std::move(created_at)});
    } catch (...) {
        // No memory for a report about an error: nothing is left to try.
    }
}

// Errors must not pass silently, where the environment says so: run() will throw the first one.
void Scheduler::detached_task_failed(const StateBase& task) noexcept {
    if (!main_task_ || detached_failure_) return;
    detached_failure_ = task.error();
    main_task_->cancel_requested({});
}

// At the end of a loop: what the log has not shown.
void Scheduler::report_summary() noexcept {
    if (exception_handler_ || unretrieved_errors_ <= shown_in_full) return;
    try {
        std::string text = "coir: " + std::to_string(unretrieved_errors_ - shown_in_full) +
                           " more errors were never retrieved; await tasks to get their errors";
        if (!debug_) text += " (COIR_DEBUG=1 shows where tasks were created)";
        log(LogLevel::error, text);
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

// --- Debug mode ---------------------------------------------------------------------------------

void Scheduler::set_debug(bool on) noexcept {
    if (on) loop_marks_in_use.store(true, std::memory_order_relaxed);
    debug_ = on;
    steps_left_ = 1;
    if (!on) {
        step_watch_.reset();
        return;
    }
    prepare_terminate_reports();
    step_began_ = now();
    if (step_watch_ || !debug_watches(DebugWord::slow)) return;
    try {
        step_watch_ = std::make_unique<StepWatch>(options_.slow_task_threshold);
    } catch (const std::bad_alloc&) {
        // What is slow is said at its end.
    }
}

// The loop has chosen what runs next; null: it has to look at the world first.
void Scheduler::step_begins(const ReadyEntry* entry) noexcept {
    if (entry) step_watch_->begins(*entry, traces_.get());
}

void Scheduler::note_creation(const void* memory) noexcept {
    if (!traces_) traces_.reset(new (std::nothrow) CreationTraces);
    if (traces_) traces_->note(memory);
}

std::string Scheduler::describe_creation(const void* memory) const {
    return traces_ ? traces_->describe(memory) : std::string();
}

void Scheduler::check_step_time(const CallbackBase* callback) noexcept {
    const TimePoint time = now();
    const Nanoseconds took = time - step_began_;
    step_began_ = time;
    if (took < options_.slow_task_threshold || (!current_ && !callback)) return;
    try {
        const std::string who = current_ ? "task '" + current_->name() + "'"
                                         : "callback " + describe_type(typeid(*callback));
        const void* const memory = current_ ? dynamic_cast<const void*>(current_)
                                            : dynamic_cast<const void*>(callback);
        log(LogLevel::warning, "coir: a step of " + who + " took " + describe_duration(took) +
                                   creation_note(describe_creation(memory)));
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

void Scheduler::swallowed_cancel(const TaskBase& task) noexcept {
    ++swallowed_cancels_;
    if (!debug_) return;
    try {
        log(LogLevel::warning,
            "coir: task '" + task.name() + "' caught its cancellation and went on; rethrow "
            "CancelledError after cleaning up, or call uncancel()" +
                creation_note(describe_creation(dynamic_cast<const void*>(&task))));
    } catch (const std::bad_alloc&) {
        // Then it is only counted.
    }
}

void Scheduler::report_never_awaited(const TaskBase& task) noexcept {
    try {
        log(LogLevel::warning,
            "coir: task '" + task.name() + "' was never awaited, and its result never retrieved; use "
            "spawn_detached or a task group if that is intended" +
                creation_note(describe_creation(dynamic_cast<const void*>(&task))));
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
