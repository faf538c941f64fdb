// SPDX-License-Identifier: BSL-1.0
// Runner: main tasks one after another, SIGINT and SIGTERM, an orderly end.
#include <coir/run.hpp>

#include "scheduler.hpp"
#include "signal_table.hpp"

#include <coir/error.hpp>

#include <utility>

namespace coir {
inline namespace v0 {
Runner::Runner(RunOptions options) : options_(std::move(options)) {}

Runner::~Runner() {
    try {
        close();
    } catch (const std::exception& error) {
        detail::log_error("coir: closing a runner failed", error.what());
    }
}

EventLoop& Runner::loop() {
    if (closed_) throw std::logic_error("coir: the runner is closed");
    if (!loop_) loop_ = std::make_unique<EventLoop>(options_);
    return *loop_;
}

EventLoop& Runner::prepare() {
    if (try_get_running_loop()) {
        throw std::logic_error("coir: run() inside a running loop; call the function directly, or "
                               "create a task");
    }
    return loop();
}

void Runner::run_main(const TaskRef& main) {
    detail::Scheduler& scheduler = loop_->scheduler();
    detail::TaskBase& task = main.state();
    scheduler.clear_interrupt();
    static_cast<void>(scheduler.take_detached_failure());
    scheduler.set_main_task(&task);
    if (has_context_) task.variables() = std::move(context_);
    struct Reset {
        Runner& runner;
        detail::Scheduler& scheduler;
        detail::TaskBase& task;
        ~Reset() {
            scheduler.set_main_task(nullptr);
            runner.context_ = task.done() ? std::move(task.variables()) : task.variables().copy();
            runner.has_context_ = true;
        }
    } reset{*this, scheduler, task};
    {
        detail::InterruptScope signals(scheduler);
        scheduler.run_until_done(task);
    }
    const std::exception_ptr failure = scheduler.take_detached_failure();
    if (failure && task.outcome() == detail::Outcome::cancelled) std::rethrow_exception(failure);
    // Cancelled by the signal and by nobody else.
    if (scheduler.interrupted_by() != 0 && task.outcome() == detail::Outcome::cancelled &&
        task.cancelling() == 1) {
        throw Interrupted(scheduler.interrupted_by());
    }
}

void Runner::close() {
    if (closed_) return;
    if (loop_) loop_->close();
    context_.reset();
    closed_ = true;
}

}  // namespace v0
}  // namespace coir
