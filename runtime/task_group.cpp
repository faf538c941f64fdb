// SPDX-License-Identifier: BSL-1.0
// Task groups.
//
//   body --returns or throws--> joining --last child--> ended
//
// Cancel requests: a child's failure makes one request to the parent while the body runs, which
// finish() takes back; a request from outside, seen as CancelledError, is thrown again at the end
// unless there are errors to throw, and then stays pending.
#include <coir/task_group.hpp>

#include "scheduler.hpp"

#include <coir/await.hpp>

namespace coir {
inline namespace v0 {

TaskGroup::TaskGroup() : parent_(detail::this_task("with_task_group")) {}
TaskGroup::~TaskGroup() = default;

void TaskGroup::prepare_child() {
    if (ended_ || stopping_) {
        throw InvalidStateError(ended_ ? "coir: create_task() in a task group that has ended"
                                       : "coir: create_task() in a task group that is stopping");
    }
    errors_.reserve(size_ + errors_.size() + 2);  // so that ends need no memory
}

void TaskGroup::child_started(detail::GroupLink& link, detail::TaskBase& task) noexcept {
    link.group = this;
    link.task = &task;
    children_.push_back(link);
    ++size_;
}

void TaskGroup::child_finished(detail::GroupLink& link) noexcept {
    link.unlink();
    --size_;
    if (link.task->outcome() == detail::Outcome::error) {
        link.task->mark_retrieved();
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
    if (!in_body_ || interrupted_) return;
    interrupted_ = true;
    parent_.cancel_requested({});
}

void TaskGroup::cancel() {
    if (ended_ || cancelled_) return;
    cancelled_ = true;
    stop_children();
    interrupt_body();
}

// Suspends until the last child has ended. A cancel request that comes meanwhile stops them.
void TaskGroup::join_children() {
    struct GroupPark : detail::Park {
        TaskGroup* group = nullptr;
    } park;
    park.group = this;
    park.what = "the children of a task group";
    park.Park::cancel = [](detail::Park& self, detail::TaskBase&) noexcept {
        static_cast<GroupPark&>(self).group->stop_children();
    };
    if (size_ == 0) return;
    joining_ = true;
    parent_.scheduler().suspend(park);
}

namespace {
// What the body ended with.
struct BodyEnd {
    bool cancelled = false;
    bool failed = false;
    std::string message;
};

BodyEnd look_at(const std::exception_ptr& error) {
    if (!error) return {};
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError& cancelled) {
        return {true, false, cancelled.message()};
    } catch (...) {
        return {false, true, {}};
    }
}
}  // namespace

void TaskGroup::finish(std::exception_ptr error) {
    in_body_ = false;
    BodyEnd body = look_at(error);
    // Ended by an error or a cancellation, or entering the join with a request that has not been
    // delivered: the children must go.
    const bool request_waits = parent_.cancel_pending() && !parent_.masked();
    if (body.cancelled || body.failed || request_waits) stop_children();
    join_children();
    ended_ = true;
    // Our own request is taken back; if no other is left, its CancelledError ends here.
    if (interrupted_ && parent_.uncancel() == 0) body.cancelled = false;
    if (body.failed) errors_.push_back(std::move(error));
    if (!errors_.empty()) {
        // A request from outside that the body has seen must not be lost behind the group.
        if (body.cancelled) parent_.put_back_cancel(body.message);
        throw ExceptionGroup("coir: errors in a task group", std::move(errors_));
    }
    if (body.cancelled) throw CancelledError(std::move(body.message));
    parent_.check_cancelled();
}

}  // namespace v0
}  // namespace coir
