// SPDX-License-Identifier: BSL-1.0
// Tasks: start, end, cancellation, names.
//
// A cancel request:   requested --(unmasked cancellation point)--> delivered (CancelledError)
//                         `--uncancel() to zero--> withdrawn
// A task that is suspended when the request comes is asked through its Park to end its wait; a wait
// whose result is already there keeps it, and the request stays for the next cancellation point.
//
// Requests come from outside (cancel(); nobody takes these back but uncancel()) or from a scope of
// the task itself (timeouts, task groups), which takes its own back at its end, delivered or not.
// Each scope knows what became of its request; for the others one flag is enough.
#include "scheduler.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/log.hpp>
#include <coir/task.hpp>

#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// Ids are taken in blocks, so that loops on different threads do not share a counter's cache line
// for every task.
std::uint64_t next_task_id() noexcept {
    constexpr std::uint64_t block = 1024;
    static std::atomic<std::uint64_t> next_block{1};
    [[gnu::tls_model("initial-exec")]] static thread_local std::uint64_t next = 0;
    [[gnu::tls_model("initial-exec")]] static thread_local std::uint64_t end = 0;
    if (next == end) {
        next = next_block.fetch_add(block, std::memory_order_relaxed);
        end = next + block;
    }
    return next++;
}

}  // namespace

void TaskBase::finished() noexcept {}
void TaskBase::left_behind() noexcept {}
const TaskBase* TaskBase::joined_by() const noexcept { return nullptr; }
void TaskBase::detach() noexcept { detached_ = true; }

std::string TaskBase::name() const {
    return name_ ? *name_ : "Task-" + std::to_string(id_);
}

void TaskBase::set_name(std::string name) {
    name_ = std::make_unique<std::string>(std::move(name));
}

void TaskBase::execute() noexcept {
    Outcome outcome = Outcome::value;
    if (cancel_pending_) {
        // Cancelled before its first step: the body is never entered.
        cancel_pending_ = false;
        outside_pending_ = 0;
        outcome = Outcome::cancelled;
    } else {
        scheduler_->task_begins();
        try {
            invoke();
        } catch (const CancelledError& cancelled) {
            outcome = Outcome::cancelled;
            if (!cancelled.message().empty()) keep_cancel_message(cancelled.message());
        } catch (...) {
            outcome = Outcome::error;
            error_ = std::current_exception();
        }
        if (stack_->legacy) [[unlikely]] end_task_slot(stack_->legacy);
        scheduler_->task_ends();
        if (outcome == Outcome::value && cancelling_ > 0 && !cancel_pending_) {
            scheduler_->swallowed_cancel(*this);
        }
    }
    drop_callable();
    if (stack_->legacy) [[unlikely]] end_task_slot(stack_->legacy);  // what destructors have left
    if (variables_.in_use()) [[unlikely]] scheduler_->release_context(*this, outcome);
    outcome_ = outcome;
    scheduler_->finish(*this);
}

// --- Cancel requests ----------------------------------------------------------------------------

ScopeRequest* TaskBase::innermost_scope() const noexcept {
    return started_ ? stack_->scopes : nullptr;
}

// How many masks are in force: no_cancel blocks, and exceptions in flight on this fiber.
std::uint32_t TaskBase::mask_depth() const noexcept {
    if (scheduler_->current() == this) {
        return mask_ + static_cast<std::uint32_t>(std::uncaught_exceptions());
    }
    return mask_ + (started_ ? context_.uncaught_exceptions : 0);
}

bool TaskBase::masked() const noexcept {
    const std::uint32_t depth = mask_depth();
    if (outside_pending_ && depth == 0) return false;
    for (const ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->state != ScopeRequest::State::pending) continue;
        if (scope->mask_depth >= depth) return false;
    }
    return true;
}

bool TaskBase::cancel_requested(const std::string& message) {
    if (!note_cancel_request(message)) return false;
    if (Park* park = interruptible_park()) park->cancel(*park, *this);
    return true;
}

bool TaskBase::note_cancel_request(const std::string& message) {
    require_thread("cancel");
    if (done()) {
        mark_retrieved();
        return false;
    }
    scheduler().note_cancel(*this, false);
    ++cancelling_;
    outside_pending_ = 1;
    cancel_pending_ = true;
    keep_cancel_message(message);
    return true;
}

Park* TaskBase::interruptible_park() const noexcept {
    return park_ && park_->cancel && mask_depth() == 0 ? park_ : nullptr;
}

std::uint32_t TaskBase::uncancel() noexcept {
    if (done() || cancelling_ == 0) return cancelling_;
    if (--cancelling_ == 0) {
        outside_pending_ = 0;
        outside_latest_ = 0;
        for (ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
            if (scope->made()) scope->state = ScopeRequest::State::delivered;
        }
        update_cancel_pending();
    }
    return cancelling_;
}

void TaskBase::update_cancel_pending() noexcept {
    cancel_pending_ = outside_pending_ != 0;
    for (const ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->state == ScopeRequest::State::pending ||
            scope->state == ScopeRequest::State::due) {
            cancel_pending_ = true;
        }
    }
}

void TaskBase::deliver_cancel() {
    if (!masked()) throw_cancelled();
}

void TaskBase::throw_cancelled() { throw CancelledError(take_cancel_message()); }

// One CancelledError delivers every request that no mask holds back.
std::string TaskBase::take_cancel_message() {
    using State = ScopeRequest::State;
    const std::uint32_t depth = mask_depth();
    outside_latest_ = 0;
    if (outside_pending_ && depth == 0) {
        outside_pending_ = 0;
        outside_latest_ = 1;
    }
    for (ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->state == State::latest) scope->state = State::delivered;
        if (scope->state == State::pending && scope->mask_depth >= depth) {
            scope->state = State::latest;
        }
    }
    update_cancel_pending();
    if (!outside_latest_ || !cancel_message_) return {};
    std::string message = std::move(*cancel_message_);
    cancel_message_.reset();
    return message;
}

bool TaskBase::put_back_latest(const std::string& message) {
    bool any = outside_latest_ != 0;
    if (outside_latest_) {
        outside_latest_ = 0;
        outside_pending_ = 1;
        keep_cancel_message(message);
    }
    for (ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->state != ScopeRequest::State::latest) continue;
        scope->state = ScopeRequest::State::pending;
        any = true;
    }
    if (any) cancel_pending_ = true;
    return any;
}

void TaskBase::put_back_cancel(const std::string& message) {
    if (put_back_latest(message)) return;
    outside_latest_ = 1;
    put_back_latest(message);
}

// --- Scopes -------------------------------------------------------------------------------------

void TaskBase::enter_scope(ScopeRequest& request) noexcept {
    request.outer = stack_->scopes;
    request.mask_depth = mask_depth();
    stack_->scopes = &request;
}

void TaskBase::request_from(ScopeRequest& request) noexcept {
    scheduler().note_cancel(*this, true);
    ++cancelling_;
    cancel_pending_ = true;
    request.state = ScopeRequest::State::pending;
    if (park_ && park_->cancel && request.mask_depth >= mask_depth()) park_->cancel(*park_, *this);
}

void TaskBase::leave_scope(ScopeRequest& request) noexcept {
    stack_->scopes = request.outer;
    if (request.made() && cancelling_ > 0 && --cancelling_ == 0) outside_pending_ = 0;
    if (request.state != ScopeRequest::State::none) update_cancel_pending();
}

std::uint32_t TaskBase::cancelling_in(const ScopeRequest& request) const noexcept {
    if (request.mask_depth == 0) return cancelling_;
    std::uint32_t count = 0;
    for (const ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->made() && scope->mask_depth >= request.mask_depth) ++count;
    }
    return count;
}

void TaskBase::expire_due_scopes() noexcept {
    for (ScopeRequest* scope = innermost_scope(); scope; scope = scope->outer) {
        if (scope->state == ScopeRequest::State::due) scope->expire(*scope);
    }
}

void spawn(TaskBase& task, const TaskOptions* options) {
    task.scheduler().start(task, options, __builtin_return_address(0));
}

// Promises `task` its stack, with all that may be refused.
[[gnu::noinline]] StackClass& Scheduler::reserve_stack(TaskBase& task, const TaskOptions* options) {
    try {
        require_thread("create_task");
        require_open("create_task");
        StackClass* stacks = default_stacks_;
        if (options) {
            if (options->stack_size != 0) stacks = &stacks_->class_for(options->stack_size);
            if (!options->name.empty()) task.set_name(options->name);
        }
        stacks->reserve();
        return *stacks;
    } catch (...) {
        task.drop_callable();
        throw;
    }
}

void Scheduler::start(TaskBase& task, const TaskOptions* options, const void* site) {
    StackClass* stacks = default_stacks_;
    // A loop that runs here is open.
    if (running_here != this || options || !stacks->try_reserve()) [[unlikely]] {
        stacks = &reserve_stack(task, options);
    }
    if (contexts_in_use()) [[unlikely]] give_context(task, options);
    // The whole half word at once: whoever awaits the task next reads it as one, which would have to
    // wait for a store of a part of it.
    task.awaits_ = 0;
    task.given_up_ = false;
    task.owned_ = true;
    task.stack_class_ = stacks;
    task.spawn_site_ = site;
    task.id_ = next_task_id();
    tasks_.push_back(task);
    ++tasks_alive_;
    ++tasks_created_;
    if (eager_tasks_ || (options && options->eager_start)) [[unlikely]] {
        if (running_here == this) return start_eagerly(task);
    }
    push_ready(task);
}

// Apart: read together with the flag, the outcome's neighbour would have to wait for its store.
[[gnu::noinline]] void Scheduler::lose_outcome(TaskBase& task) noexcept {
    if (!task.retrieved_) task.lost_outcome();
}

void Scheduler::finish(TaskBase& task) noexcept {
    if (debug_) [[unlikely]] check_step_time();
    static_cast<ListLink&>(task).unlink();
    --tasks_alive_;
    task.finished();
    task.settle(task.outcome_);
    if (task.detached_) [[unlikely]] lose_outcome(task);
    current_ = nullptr;
    task.disown();
}

}  // namespace detail

TaskRef current_task() noexcept {
    return TaskRef(detail::StateRef<detail::TaskBase>::share(detail::current_task_state()));
}

std::vector<TaskRef> all_tasks() {
    detail::Scheduler& scheduler = detail::running_scheduler("all_tasks");
    std::vector<TaskRef> all;
    all.reserve(scheduler.tasks_alive());
    auto& tasks = scheduler.tasks();
    for (detail::TaskBase* task = tasks.front(); task; task = tasks.next(*task)) {
        all.emplace_back(detail::StateRef<detail::TaskBase>::share(task));
    }
    return all;
}

}  // namespace v0
}  // namespace coir
