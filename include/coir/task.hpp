// SPDX-License-Identifier: BSL-1.0
// Tasks: functions that run concurrently on fibers of one loop, one at a time.
//
// Threads: the loop's thread only; handles may be copied and dropped anywhere. A task never leaves
// the thread it was born on. Lifetime: the loop owns every unfinished task; dropping a handle
// neither cancels nor leaks. Behaviour: asyncio.Task.
#pragma once

#include <coir/detail/handle.hpp>
#include <coir/time.hpp>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {

/// A handle to a task of any result type. Empty outside tasks; comparable.
class COIR_API TaskRef {
public:
    TaskRef() noexcept = default;
    explicit TaskRef(detail::StateRef<detail::TaskBase> state) noexcept : state_(std::move(state)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(state_); }
    bool done() const { return state().done(); }
    bool cancelled() const { return state().outcome() == detail::Outcome::cancelled; }
    /// As Task::cancel.
    bool cancel(std::string message = {}) const { return state().cancel(std::move(message)); }
    std::uint32_t cancelling() const { return state().cancelling(); }
    std::uint32_t uncancel() const { return state().uncancel(); }
    std::string name() const { return state().name(); }
    void set_name(std::string name) const { state().set_name(std::move(name)); }
    std::uint64_t id() const { return state().id(); }
    EventLoop& loop() const { return detail::owner_of(state().scheduler()); }
    /// Prints what the task is doing: its state, what it waits for, where it was created, and for a
    /// suspended one the return addresses on its stack.
    void print_stack(std::ostream& out) const;

    friend bool operator==(const TaskRef& a, const TaskRef& b) noexcept {
        return a.state_.get() == b.state_.get();
    }
    friend std::strong_ordering operator<=>(const TaskRef& a, const TaskRef& b) noexcept {
        return std::compare_three_way{}(a.state_.get(), b.state_.get());
    }

    // Internal.
    detail::TaskBase& state() const {
        if (!state_) [[unlikely]] detail::throw_empty_handle();
        return *state_;
    }
    const detail::StateRef<detail::TaskBase>& ref_state() const noexcept { return state_; }

private:
    detail::StateRef<detail::TaskBase> state_;
};

/// A handle to a task with a result of type T.
template <class T>
class Task : public detail::HandleBase<Task<T>, T, detail::ValueState<T, detail::TaskBase>> {
    using State = detail::ValueState<T, detail::TaskBase>;
    using Base = detail::HandleBase<Task<T>, T, State>;

public:
    using CallbackArgument = TaskRef;

    Task() noexcept = default;
    explicit Task(detail::StateRef<State> state) noexcept : Base(std::move(state)) {}

    /// How many cancel requests have not been taken back by uncancel().
    std::uint32_t cancelling() const { return this->state().cancelling(); }
    /// Takes one request back; at zero an undelivered one is withdrawn. Returns what is left.
    std::uint32_t uncancel() const { return this->state().uncancel(); }
    std::string name() const { return this->state().name(); }
    void set_name(std::string name) const { this->state().set_name(std::move(name)); }
    /// A number that no other task of the process has or had.
    std::uint64_t id() const { return this->state().id(); }
    TaskRef ref() const { return callback_argument(this->ref_state()); }
    void print_stack(std::ostream& out) const { ref().print_stack(out); }

    static TaskRef callback_argument(const detail::StateRef<State>& state) {
        return TaskRef(detail::StateRef<detail::TaskBase>::share(state.get()));
    }
};

namespace detail {

template <class F, class... Args>
struct TaskImplOf {
    static_assert(std::is_invocable_v<std::decay_t<F>, std::unwrap_ref_decay_t<Args>...>,
                  "coir: the callable cannot be called with these arguments (they are decay-copied "
                  "as by std::thread; use std::ref to share one)");
    using Result = TaskResult<F, Args...>;
    using Type = TaskImpl<Result, std::decay_t<F>, std::decay_t<Args>...>;
};
template <class F, class... Args>
auto make_task_impl(Scheduler& scheduler, F&& f, Args&&... args) {
    return make_state<typename TaskImplOf<F, Args...>::Type>(scheduler, std::forward<F>(f),
                                                             std::forward<Args>(args)...);
}
/// The same for the running loop; `call` is for the error when there is none.
template <class F, class... Args>
[[gnu::always_inline]] inline auto make_task_impl(const char* call, F&& f, Args&&... args) {
    return make_state_here<typename TaskImplOf<F, Args...>::Type>(call, std::forward<F>(f),
                                                                  std::forward<Args>(args)...);
}

/// Says in a line what the pages of errors that follow it mean.
template <class F, class... Args>
constexpr void check_job() {
    static_assert(std::is_constructible_v<std::decay_t<F>, F>,
                  "coir: the callable of a task cannot be copied: std::move() it");
    static_assert((std::is_constructible_v<std::decay_t<Args>, Args> && ...),
                  "coir: an argument of a task cannot be copied (a Stream, a std::unique_ptr, ...): std::move() it, "
                  "or pass std::ref() of what outlives the task");
    static_assert(std::is_invocable_v<std::decay_t<F>, std::unwrap_ref_decay_t<Args>...>,
                  "coir: the callable of a task does not take these arguments; it is given copies of them, as rvalues");
}

/// `where`: a Scheduler, or for the running one the name of the call.
template <class Where, class F, class... Args>
[[gnu::always_inline]] inline auto start_task(Where&& where, const TaskOptions* options, F&& f,
                                              Args&&... args) {
    check_job<F, Args...>();
    using Result = TaskResult<F, Args...>;
    auto* impl = make_task_impl(where, std::forward<F>(f), std::forward<Args>(args)...);
    // The handle's reference; the other one is the loop's, dropped when the task ends.
    auto ref = StateRef<ValueState<Result, TaskBase>>::adopt(impl);
    spawn(*impl, options);
    return Task<Result>(std::move(ref));
}

template <class F, class... Args>
[[gnu::always_inline]] inline TaskRef start_detached(const TaskOptions* options, F&& f,
                                                     Args&&... args) {
    check_job<F, Args...>();
    auto* impl = make_task_impl("spawn_detached", std::forward<F>(f), std::forward<Args>(args)...);
    auto ref = StateRef<TaskBase>::adopt(impl);
    impl->detach();  // first: it may end while it is being started
    spawn(*impl, options);
    return TaskRef(std::move(ref));
}

}  // namespace detail

/// Starts `f(args...)` as a task of the running loop; its first step comes after the steps that are
/// already due (see TaskOptions::eager_start for another way). It gets a copy of the caller's context
/// variables. Arguments are decay-copied like std::thread's. Throws StackAllocError when there is
/// no memory for a stack, std::logic_error when no loop runs here.
template <class F, class... Args>
    requires(!std::is_same_v<std::decay_t<F>, TaskOptions>)
[[nodiscard, gnu::always_inline]] inline auto create_task(F&& f, Args&&... args) {
    return detail::start_task("create_task", nullptr, std::forward<F>(f),
                              std::forward<Args>(args)...);
}
template <class F, class... Args>
[[nodiscard, gnu::always_inline]] inline auto create_task(const TaskOptions& options, F&& f,
                                                          Args&&... args) {
    return detail::start_task("create_task", &options, std::forward<F>(f),
                              std::forward<Args>(args)...);
}

/// Starts a task that nobody awaits: the loop owns it, and a failure goes to the loop's exception
/// handler as soon as the task ends.
template <class F, class... Args>
    requires(!std::is_same_v<std::decay_t<F>, TaskOptions>)
[[gnu::always_inline]] inline TaskRef spawn_detached(F&& f, Args&&... args) {
    return detail::start_detached(nullptr, std::forward<F>(f), std::forward<Args>(args)...);
}
template <class F, class... Args>
[[gnu::always_inline]] inline TaskRef spawn_detached(const TaskOptions& options, F&& f,
                                                     Args&&... args) {
    return detail::start_detached(&options, std::forward<F>(f), std::forward<Args>(args)...);
}

/// The running task; empty in callbacks and outside loops. Any thread.
COIR_API TaskRef current_task() noexcept;
/// The unfinished tasks of the running loop, oldest first. Throws std::logic_error without a loop.
COIR_API std::vector<TaskRef> all_tasks();

}  // namespace v0
}  // namespace coir

template <class T>
struct std::hash<coir::Task<T>> {
    std::size_t operator()(const coir::Task<T>& task) const noexcept {
        return std::hash<const void*>{}(task.ref_state().get());
    }
};
template <>
struct std::hash<coir::TaskRef> {
    std::size_t operator()(const coir::TaskRef& task) const noexcept {
        return std::hash<const void*>{}(task.ref_state().get());
    }
};
