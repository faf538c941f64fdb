// SPDX-License-Identifier: BSL-1.0
// Task groups: children that never outlive their block.
//
// Behaviour: asyncio.TaskGroup, with cancel() of Python 3.15.
#pragma once

#include <coir/detail/task_state.hpp>
#include <coir/error.hpp>
#include <coir/task.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {

class TaskGroup;

namespace detail {

/// A child's membership in its group; part of its control block.
struct GroupLink : ListLink {
    TaskGroup* group = nullptr;
    TaskBase* task = nullptr;
};

}  // namespace detail

/// The group of a with_task_group block. Any task of the loop may add to it while it is active.
class COIR_API TaskGroup {
public:
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Starts `f(args...)` as a child; the handle may be dropped. Throws InvalidStateError, with
    /// the callable destroyed, when the block has ended or the group is stopping; WrongThreadError
    /// outside the group's loop; StackAllocError.
    template <class F, class... Args>
        requires(!std::is_same_v<std::decay_t<F>, TaskOptions>)
    [[gnu::always_inline]] auto create_task(F&& f, Args&&... args) {
        return start(nullptr, std::forward<F>(f), std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    [[gnu::always_inline]] auto create_task(const TaskOptions& options, F&& f, Args&&... args) {
        return start(&options, std::forward<F>(f), std::forward<Args>(args)...);
    }
    /// Cancels the children and the body; the block then ends without an error of its own. Repeated
    /// or late calls do nothing. From a child, the body or a callback; WrongThreadError elsewhere.
    void cancel();
    /// Children that have not ended.
    std::size_t size() const noexcept { return size_; }

protected:
    TaskGroup();
    ~TaskGroup();

    /// The end of the body: waits for the children, then throws what there is to throw. `error`:
    /// what the body threw, or null.
    COIR_SUSPENDS void finish(std::exception_ptr error);

private:
    template <class T, class F, class... Args>
    class Child final : public detail::TaskImpl<T, F, Args...> {
        using Base = detail::TaskImpl<T, F, Args...>;

    public:
        template <class G, class... Brgs>
        explicit Child(detail::Scheduler& scheduler, G&& f, Brgs&&... args)
            : Base(scheduler, std::forward<G>(f), std::forward<Brgs>(args)...) {}
        static Child* adopt(Child* child, std::uint16_t block_class) noexcept {
            child->set_block_class(block_class);
            return child;
        }
        detail::GroupLink link;

    private:
        ~Child() override = default;
        void finished() noexcept override {
            if (link.group) link.group->child_finished(link);
        }
        const detail::TaskBase* joined_by() const noexcept override {
            return link.linked() ? &link.group->parent_ : nullptr;
        }
    };

    template <class F, class... Args>
    [[gnu::always_inline]] auto start(const TaskOptions* options, F&& f, Args&&... args) {
        using Result = detail::TaskResult<F, Args...>;
        using Impl = Child<Result, std::decay_t<F>, std::decay_t<Args>...>;
        prepare_child();
        Impl* child = detail::make_state<Impl>(detail::running_scheduler("TaskGroup::create_task"),
                                               std::forward<F>(f), std::forward<Args>(args)...);
        auto ref = detail::StateRef<detail::ValueState<Result, detail::TaskBase>>::adopt(child);
        // Before it is started: it may end, or cancel this group, in an eager first step.
        add_child(child->link, *child);
        try {
            detail::spawn(*child, options);
        } catch (...) {
            remove_child(child->link);
            throw;
        }
        return Task<Result>(std::move(ref));
    }

    void prepare_child();
    void add_child(detail::GroupLink& link, detail::TaskBase& task) noexcept;
    void remove_child(detail::GroupLink& link) noexcept;
    void child_finished(detail::GroupLink& link) noexcept;
    void stop_children() noexcept;
    void interrupt_body() noexcept;
    bool join_children();

    detail::TaskBase& parent_;
    detail::ScopeRequest request_;  // to the body
    detail::IntrusiveList<detail::GroupLink> children_;
    std::size_t size_ = 0;
    std::vector<std::exception_ptr> errors_;
    bool stopping_ = false;  // no new children
    bool in_body_ = true;
    bool joining_ = false;
    bool ended_ = false;
};

namespace detail {
class COIR_API TaskGroupScope : public TaskGroup {
public:
    TaskGroupScope() = default;
    ~TaskGroupScope() = default;
    using TaskGroup::finish;
};
}  // namespace detail

/// Calls `f(group)` and returns its result once every child has ended. The first error of a child
/// cancels the other children and the body, an error of the body cancels the children; all errors
/// are thrown as one ExceptionGroup, even a single one, in the order in which they happened, the
/// body's last. A child that was cancelled is no error. Cancelling the calling task cancels the
/// children, which are waited for.
template <class F>
COIR_SUSPENDS auto with_task_group(F&& f) -> std::invoke_result_t<F, TaskGroup&> {
    using Result = std::invoke_result_t<F, TaskGroup&>;
    detail::TaskGroupScope group;
    if constexpr (std::is_void_v<Result>) {
        std::exception_ptr error;
        try {
            std::invoke(std::forward<F>(f), group);
        } catch (...) {
            error = std::current_exception();
        }
        group.finish(std::move(error));
    } else {
        std::exception_ptr error;
        std::optional<detail::ValueOf<Result>> result;
        try {
            result.emplace(std::invoke(std::forward<F>(f), group));
        } catch (...) {
            error = std::current_exception();
        }
        group.finish(std::move(error));
        // cancel() may have ended a body before it had a result.
        if (!result) throw CancelledError("the task group was cancelled before its body returned");
        return std::move(*result);
    }
}

}  // namespace v0
}  // namespace coir
