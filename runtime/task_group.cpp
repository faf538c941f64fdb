// SPDX-License-Identifier: BSL-1.0
// Task groups.
//
//   body --returns or throws--> joining --last child--> ended
//
// Cancel requests: a child's failure, or cancel(), makes one request to the parent while the body
// runs. finish() takes it back. What the body was thrown by requests from outside is put back for
// the time of the join: it is thrown again at the end or, behind errors, at the next suspension.
#include <coir/task_group.hpp>

#include "scheduler.hpp"

#include <coir/await.hpp>

namespace coir {
inline namespace v0 {

TaskGroup::TaskGroup() : parent_(detail::this_task("with_task_group")) {
    parent_.enter_scope(request_);
}
TaskGroup::~TaskGroup() {
    if (!ended_) parent_.leave_scope(request_);
}

void TaskGroup::prepare_child() {
    if (&parent_.scheduler() != detail::running_here) {
        throw WrongThreadError("coir: create_task() in a task group of another loop");
    }
    if (ended_ || stopping_) {
        throw InvalidStateError(ended_ ? "coir: create_task() in a task group that has ended"
                                       : "coir: create_task() in a task group that is stopping");
    }
    // So that ends need no memory; growing by steps, or each child would cost an allocation.
    const std::size_t needed = size_ + errors_.size() + 2;
    if (errors_.capacity() < needed) errors_.reserve(2 * needed);
}

void TaskGroup::add_child(detail::GroupLink& link, detail::TaskBase& task) noexcept {
    link.group = this;
    link.task = &task;
    children_.push_back(link);
    ++size_;
}

void TaskGroup::remove_child(detail::GroupLink& link) noexcept {
    link.unlink();
    link.group = nullptr;
    --size_;
}

void TaskGroup::child_finished(detail::GroupLink& link) noexcept {
    link.unlink();
    --size_;
    link.task->mark_retrieved();
    if (link.task->outcome() == detail::Outcome::error) {
        errors_.push_back(link.task->error());
        stop_children();
        interrupt_body();
    }
    if (size_ == 0 && joining_) {
        joining_ = false;
        parent_.scheduler().make_ready(parent_);
    }
}

void TaskGroup::stop_children() noexcept {
    if (stopping_) return;
    stopping_ = true;
    for (detail::GroupLink* link = children_.front(); link; link = children_.next(*link)) {
        link->task->cancel_requested({});
    }
}

void TaskGroup::interrupt_body() noexcept {
    if (in_body_ && !request_.made()) parent_.request_from(request_);
}

void TaskGroup::cancel() {
    parent_.require_thread("TaskGroup::cancel");
    if (ended_) return;
    stop_children();
    interrupt_body();
}

// Suspends until the last child has ended; until the parent goes on, others may add new ones. A
// request that waits, or comes meanwhile, stops them. Returns whether one did.
bool TaskGroup::join_children() {
    struct GroupPark : detail::Park {
        TaskGroup* group = nullptr;
        bool interrupted = false;
    } park;
    park.group = this;
    park.what = "the children of a task group";
    park.Park::cancel = [](detail::Park& self, detail::TaskBase&) noexcept {
        static_cast<GroupPark&>(self).interrupted = true;
        static_cast<GroupPark&>(self).group->stop_children();
    };
    if (size_ == 0) parent_.scheduler().spend_credit();
    while (size_ > 0) {
        if (parent_.cancel_pending() && !parent_.masked()) park.cancel(park, parent_);
        joining_ = true;
        parent_.scheduler().suspend(park);
    }
    return park.interrupted;
}

namespace {

enum class BodyEnd { returned, cancelled, failed };

BodyEnd look_at(const std::exception_ptr& error) {
    if (!error) return BodyEnd::returned;
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError&) {
        return BodyEnd::cancelled;
    } catch (...) {
        return BodyEnd::failed;
    }
}

std::string message_of(const std::exception_ptr& cancelled) {
    try {
        std::rethrow_exception(cancelled);
    } catch (const CancelledError& error) {
        return error.message();
    }
}

}  // namespace

void TaskGroup::finish(std::exception_ptr error) {
    in_body_ = false;
    const BodyEnd end = look_at(error);
    // Nobody had asked for a CancelledError if nothing can be put back: it passes as it is.
    const bool unasked =
        end == BodyEnd::cancelled && !parent_.put_back_latest(message_of(error));
    if (end != BodyEnd::returned) stop_children();
    const bool interrupted = join_children();
    ended_ = true;
    parent_.leave_scope(request_);
    if (end == BodyEnd::failed) errors_.push_back(std::move(error));
    if (!errors_.empty()) {
        throw ExceptionGroup("coir: errors in a task group", std::move(errors_));
    }
    if (unasked) std::rethrow_exception(std::move(error));
    // A request that came when the last child had ended takes nothing away: it waits.
    if (interrupted || end == BodyEnd::cancelled) parent_.check_cancelled();
}

}  // namespace v0
}  // namespace coir
