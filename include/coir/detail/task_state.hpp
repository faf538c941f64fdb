// SPDX-License-Identifier: BSL-1.0
// The control block of a task: what the scheduler needs, the callable, the result.
//
// Internal: see detail/state.hpp. A control block is one pooled allocation and lives apart from the
// stack, so that a kept handle does not pin a stack.
#pragma once

#include <coir/context.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/state.hpp>
#include <coir/time.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// How a task is to be made.
struct TaskOptions {
    /// A name for logs and tools; "Task-<id>" when empty.
    std::string name = {};
    /// Bytes of stack to reserve; 0: what RunOptions says. Rounded up to a power of two.
    std::size_t stack_size = 0;
    /// Runs the task at once, inside the call that creates it, until it suspends for the first time
    /// or ends; then the creator goes on. Nothing else runs in between. Only where the loop runs
    /// already; RunOptions::eager_tasks says so for all tasks.
    bool eager_start = false;
    /// The context that the task is to share; by default it gets a copy of its creator's.
    Context context = {};
};

namespace detail {

struct StackSlot;
class StackClass;

/// What a switch saves beside the registers, which are on the fiber's own stack.
struct FiberContext {
    void* stack_pointer = nullptr;  ///< null: has never been suspended
    void* caught_exceptions = nullptr;
    unsigned uncaught_exceptions = 0;
    int error_number = 0;
    void* sanitizer = nullptr;  ///< bounds and fake stacks; only in sanitizer builds
};

/// A cancel request that a scope makes to its own task and takes back at its end: a timeout's, a task
/// group's. It lives in the scope; the scopes of a task form a stack. Masks that the scope itself is
/// in do not hold it back, so that a timeout inside no_cancel, or in a destructor, works.
struct ScopeRequest {
    enum class State : std::uint8_t {
        none,
        due,        ///< to be made by the next call that is sure to suspend
        pending,    ///< made, not delivered
        latest,     ///< delivered, by the latest CancelledError
        delivered,  ///< delivered, by an earlier one
    };
    ScopeRequest* outer = nullptr;
    /// The deadline; for scopes without one, less than any.
    TimePoint when = TimePoint::min();
    void (*expire)(ScopeRequest&) noexcept = nullptr;  ///< makes a request that is due
    std::uint32_t mask_depth = 0;
    State state = State::none;
    bool made() const noexcept { return state > State::due; }
};

class COIR_API TaskBase : public StateBase, public ListLink, public ReadyEntry {
public:
    /// Throws CancelledError if there is an undelivered cancel request that no mask holds back.
    COIR_SUSPENDS void check_cancelled() {
        if (cancel_pending_) [[unlikely]] deliver_cancel();
    }
    bool cancel_requested(const std::string& message);
    /// The same, but for telling what the task waits for; false when it is done.
    bool note_cancel_request(const std::string& message);
    /// What a request that has just been noted interrupts; null: nothing.
    Park* interruptible_park() const noexcept;
    std::uint32_t cancelling() const noexcept { return cancelling_; }
    std::uint32_t uncancel() noexcept;
    /// True when what is pending must wait: no_cancel, or an exception is in flight on this fiber.
    bool masked() const noexcept;
    void mask() noexcept { ++mask_; }
    void unmask() noexcept { --mask_; }
    [[noreturn]] void throw_cancelled();
    bool cancel_pending() const noexcept { return cancel_pending_; }
    std::string take_cancel_message();
    /// What the latest CancelledError delivered becomes pending again; false when nothing that
    /// still counts was.
    bool put_back_latest(const std::string& message);
    /// The same; an error that nobody had requested becomes a request from outside.
    void put_back_cancel(const std::string& message);

    void enter_scope(ScopeRequest& request) noexcept;
    void request_from(ScopeRequest& request) noexcept;
    /// Takes the scope's request back, if it was made. Scopes must be left innermost first.
    void leave_scope(ScopeRequest& request) noexcept;
    /// cancelling(), without the requests that masks around the scope keep out of it.
    std::uint32_t cancelling_in(const ScopeRequest& request) const noexcept;
    /// check_cancelled() for calls that are sure to suspend: a deadline that has passed counts.
    COIR_SUSPENDS void check_deadlines_and_cancelled() {
        if (cancel_pending_) [[unlikely]] expire_due_scopes();
        check_cancelled();
    }
    /// Something may be pending or due again, or nothing any more.
    void update_cancel_pending() noexcept;

    std::uint64_t id() const noexcept { return id_; }
    std::string name() const;
    void set_name(std::string name);
    /// The given name, or "Task"; safe in a signal handler.
    const char* raw_name() const noexcept { return name_ ? name_->c_str() : "Task"; }
    const void* spawn_site() const noexcept { return spawn_site_; }
    const Park* park() const noexcept { return park_; }
    bool started() const noexcept { return started_; }
    ContextSlot& variables() noexcept { return variables_; }
    /// The task that will join this one whether or not it waits for it now: a task group's; or null.
    virtual const TaskBase* joined_by() const noexcept;
    /// Nobody is expected to await it: a failure is reported when it ends.
    void detach() noexcept;

protected:
    explicit TaskBase(Scheduler& scheduler) noexcept : StateBase(scheduler, true) {}
    ~TaskBase() override = default;

    /// Runs the callable and stores its result.
    virtual void invoke() = 0;
    /// Destroys the callable and its arguments.
    virtual void drop_callable() noexcept = 0;
    /// The outcome is known; called before anybody is woken.
    virtual void finished() noexcept;
    /// The loop is closed although the task has not ended: it will never run again.
    virtual void left_behind() noexcept;

private:
    friend class Scheduler;
    friend class StateBase;
    friend struct DebugTableAccess;

    void execute() noexcept;
    void deliver_cancel();
    void expire_due_scopes() noexcept;
    std::uint32_t mask_depth() const noexcept;
    ScopeRequest* innermost_scope() const noexcept;

    // What every switch touches follows the ReadyEntry and shares its cache line (64 to 127, with
    // blocks aligned to 64).
    std::uint32_t cancelling_ = 0;
    std::uint16_t mask_ : 14 = 0;
    std::uint16_t outside_pending_ : 1 = 0;  // an undelivered request that is not a scope's
    std::uint16_t outside_latest_ : 1 = 0;   // the latest CancelledError delivered such a one
    bool started_ = false;
    bool cancel_pending_ = false;  // there is one, or a scope's, or a deadline that is due
    Park* park_ = nullptr;
    FiberContext context_;

    union {
        StackClass* stack_class_ = nullptr;  // until it has started
        StackSlot* stack_;                   // from then on
    };
    const void* spawn_site_ = nullptr;
    std::uint64_t id_ = 0;
    std::unique_ptr<std::string> name_;
    ContextSlot variables_;
};

/// Results that cannot be stored as they are: void becomes nothing, references stay references.
template <class F, class... Args>
using TaskResult = std::invoke_result_t<std::decay_t<F>, std::unwrap_ref_decay_t<Args>...>;

template <class T, class F, class... Args>
class TaskImpl : public ValueState<T, TaskBase> {
public:
    template <class G, class... Brgs>
    explicit TaskImpl(Scheduler& scheduler, G&& f, Brgs&&... args)
        : ValueState<T, TaskBase>(scheduler) {
        ::new (static_cast<void*>(&callable_))
            Callable(std::forward<G>(f), std::forward<Brgs>(args)...);
    }
    static TaskImpl* adopt(TaskImpl* task, std::uint16_t block_class) noexcept {
        task->set_block_class(block_class);
        return task;
    }

protected:
    ~TaskImpl() override {}

private:
    using Callable = std::tuple<F, Args...>;

    void invoke() override {
        std::apply(
            [this](F& f, Args&... args) {
                if constexpr (std::is_void_v<T>) {
                    static_cast<void>(this);  // clang would find the capture unused
                    std::invoke(std::move(f), static_cast<Passed<Args>>(args)...);
                } else {
                    this->slot().emplace(
                        std::invoke(std::move(f), static_cast<Passed<Args>>(args)...));
                }
            },
            callable_);
    }
    void drop_callable() noexcept override { callable_.~Callable(); }

    // As std::thread: a decayed copy is passed as an rvalue, a std::ref as the reference it holds.
    template <class Arg>
    struct Pass {
        using Type = Arg&&;
    };
    template <class U>
    struct Pass<std::reference_wrapper<U>> {
        using Type = U&;
    };
    template <class Arg>
    using Passed = typename Pass<Arg>::Type;

    union {
        Callable callable_;
    };
};

/// The loop that runs on this thread. Throws std::logic_error naming `call` when there is none.
COIR_API Scheduler& running_scheduler(const char* call);
/// Registers a fresh task and queues it; on failure the task is destroyed and the error thrown.
COIR_API void spawn(TaskBase& task, const TaskOptions* options);
COIR_API TaskBase* current_task_state() noexcept;
/// The current task; std::logic_error naming `call` outside of one.
COIR_API TaskBase& require_task(const char* call);

}  // namespace detail
}  // namespace v0
}  // namespace coir
