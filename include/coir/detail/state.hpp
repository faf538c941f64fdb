// SPDX-License-Identifier: BSL-1.0
// The shared state behind Task and Future handles, and what the scheduler links into its queues.
//
// Internal: nothing here is API. It is in a header because the templates of the public headers are
// compiled into programs.
//
// Threads: everything belongs to the loop's thread but the reference count. The last reference may
// be dropped anywhere; the state is then destroyed on the loop's thread if the loop still runs.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/context_slot.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

class Scheduler;
class StateBase;
class TaskBase;

/// An entry of the ready queue. `run` is null for a task (which is switched to, not called).
struct ReadyEntry {
    ReadyEntry* next_ready = nullptr;
    void (*run)(ReadyEntry&) noexcept = nullptr;
};

/// What a suspended task waits for. It lives on the suspended stack.
struct Park {
    /// What is waited for, for people ("sleep", "lock", "recv").
    const char* what = "";
    /// Asked to end the wait early when the task is cancelled. Null: it cannot be interrupted.
    void (*cancel)(Park&, TaskBase&) noexcept = nullptr;
    /// The state that is awaited, when it is one: the await graph is made of these.
    const void* awaited = nullptr;
};

/// A member of a wait queue: a suspended task, or (task == nullptr) somebody to be told at once.
struct Waiter : ListLink {
    explicit Waiter(TaskBase* waiting) noexcept : task(waiting) {
        if (!waiting) on_behalf_of = nullptr;
    }
    TaskBase* task;
    void (*notify)(Waiter&) noexcept = nullptr;  ///< called when the waiter is taken off its queue
    /// Without a task: the future that will get the outcome, if any. The await graph has its awaiters
    /// then. It must live as long as this is linked.
    const StateBase* on_behalf_of;
};

enum class Outcome : std::uint8_t { pending, value, error, cancelled };

/// What Task and Future have in common: an outcome, who waits for it, a reference count.
class COIR_API StateBase {
public:
    StateBase(const StateBase&) = delete;
    StateBase& operator=(const StateBase&) = delete;

    void add_ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    /// The last reference is not given up but handed to last_ref(): elsewhere than on the loop's
    /// thread it must first be brought home.
    void drop_ref() noexcept {
        std::uint32_t count = references_.load(std::memory_order_acquire);
        while (count > 1) {
            if (references_.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel,
                                                  std::memory_order_acquire)) {
                return;
            }
        }
        last_ref();
    }
    /// Whether nobody but who asks, with one handle and so many awaits, can read it.
    bool unique(unsigned awaits = 0) const noexcept {
        return references_.load(std::memory_order_acquire) == 1 && awaits_ <= awaits;
    }

    bool done() const noexcept { return outcome_ != Outcome::pending; }
    Outcome outcome() const noexcept { return outcome_; }
    bool is_task() const noexcept { return is_task_; }
    Scheduler& scheduler() const noexcept { return *scheduler_; }
    const std::exception_ptr& error() const noexcept { return error_; }
    /// What was given to cancel(), for a cancelled state.
    const std::string& cancel_message() const noexcept;
    /// Somebody has seen the outcome: an error will not be reported as never retrieved, nor (in debug
    /// mode) a task as never awaited.
    void mark_retrieved() noexcept { retrieved_ = true; }

    /// The current task, which is to await this. Throws std::logic_error outside of one, and
    /// WrongThreadError when this belongs to another loop.
    TaskBase& awaiting_task() const;
    /// The same two for a handle: what it returns is for Kept, which keeps this from then on.
    COIR_SUSPENDS bool wait_kept();
    /// Suspends `self`, the current task, until done. Throws CancelledError when that task was
    /// cancelled meanwhile and this state has nothing to give. What to throw for this state's own
    /// outcome is the caller's business, and so is keeping it.
    COIR_SUSPENDS void wait(TaskBase& self);
    /// Keeps a state while it is awaited: the handle may be given up, or another state, before the
    /// awaiting task runs. Counted apart from the references, which take atomic operations.
    class Kept {
    public:
        explicit Kept(StateBase& state) noexcept : state_(&state), counted_(state.awaits_ < most) {
            if (counted_) {
                ++state.awaits_;
            } else {
                state.add_ref();
            }
        }
        /// Takes over what wait_kept() has begun.
        Kept(StateBase& state, bool counted) noexcept : state_(&state), counted_(counted) {}
        Kept(const Kept&) = delete;
        Kept& operator=(const Kept&) = delete;
        ~Kept() {
            if (!state_) return;
            if (!counted_) [[unlikely]] {
                state_->drop_ref();
            } else if (--state_->awaits_ == 0 && state_->given_up_) [[unlikely]] {
                state_->dispose();
            }
        }
        /// Leaves it to another one.
        bool pass_on() noexcept {
            state_ = nullptr;
            return counted_;
        }

    private:
        static constexpr std::uint16_t most = (1u << 13) - 1;
        StateBase* state_;
        const bool counted_;
    };
    /// Throws for a pending state (`InvalidStateError`), an error, or a cancellation.
    void throw_unless_value(bool awaited) {
        if (outcome_ != Outcome::value || moved_out_) [[unlikely]] throw_outcome(awaited);
        retrieved_ = true;
    }
    /// Cancels a task (a request) or a future (at once). False when it is done.
    bool cancel(const std::string& message);

    /// For Future and Promise: throws InvalidStateError unless pending and on the right thread.
    void require_settable() const;
    void refuse_unless_settable() const;
    void set_error(std::exception_ptr error);
    bool set_cancelled(const std::string& message);
    /// The setting side is gone: BrokenPromise, unless the loop is gone too.
    void break_promise() noexcept;
    /// The value has been stored: wakes the waiters.
    void value_stored() noexcept { settle(Outcome::value); }

    /// Registers a done callback; `entry` is owned by the state until it is queued.
    struct DoneCallback : Waiter, ReadyEntry {
        DoneCallback() noexcept;
        DoneCallback(const DoneCallback&) = delete;
        DoneCallback& operator=(const DoneCallback&) = delete;
        virtual ~DoneCallback();
        virtual void invoke() = 0;
        static void queue(Waiter& waiter) noexcept;
        std::uint64_t id = 0;
        ContextSlot variables;
        /// Held from when it is queued until it has run: a pending state is not kept alive by its
        /// own callbacks.
        StateBase* state = nullptr;
    };
    /// Adds somebody who is told at once when this is done, and lives until then.
    void add_waiter(Waiter& waiter) noexcept { waiters_.push_back(waiter); }
    std::uint64_t add_done_callback(std::unique_ptr<DoneCallback> callback);
    bool remove_done_callback(std::uint64_t id) noexcept;
    /// The callback gives the outcome to `follower`, which lives until the callback is removed.
    void set_callback_follower(std::uint64_t id, const StateBase& follower) noexcept;
    /// Who waits for this, for the await graph.
    const IntrusiveList<Waiter>& waiters() const noexcept { return waiters_; }
    void require_thread(const char* call) const;

protected:
    StateBase(Scheduler& scheduler, bool is_task) noexcept
        : awaits_(0),
          given_up_(false),
          owned_(false),
          detached_(false),
          block_class_(0),
          is_task_(is_task),
          retrieved_(false),
          moved_out_(false),
          scheduler_(&scheduler) {}
    virtual ~StateBase() {
        if (!waiters_.empty()) [[unlikely]] drop_callbacks();
    }
    void drop_callbacks() noexcept;
    void settle(Outcome outcome) noexcept;

    friend class Scheduler;
    friend class TaskBase;

    [[noreturn]] void throw_outcome(bool awaited);
    void wait_inline(TaskBase& self);
    void last_ref() noexcept;
    /// The loop gives up a task that has ended.
    void disown() noexcept {
        owned_ = false;
        if (references_.load(std::memory_order_acquire) == 0) dispose();
    }
    void dispose() noexcept;
    void lost_outcome() noexcept;
    DoneCallback* find_callback(std::uint64_t id) noexcept;
    void keep_cancel_message(const std::string& message) noexcept;

    std::atomic<std::uint32_t> references_{1};  // the handles'
    std::uint16_t awaits_ : 13;   // see Kept
    std::uint16_t given_up_ : 1;  // the last reference has gone during these
    std::uint16_t owned_ : 1;     // the loop keeps a task until it has ended, whoever refers to it
    std::uint16_t detached_ : 1;  // nobody is expected to await a task
    Outcome outcome_ = Outcome::pending;
    std::uint8_t block_class_ : 5;  // the size class of the memory this lives in
    std::uint8_t is_task_ : 1;
    std::uint8_t retrieved_ : 1;
    std::uint8_t moved_out_ : 1;
    Scheduler* scheduler_;
    IntrusiveList<Waiter> waiters_;
    std::exception_ptr error_;
    std::unique_ptr<std::string> cancel_message_;

public:
    bool moved_out() const noexcept { return moved_out_; }
    void mark_moved_out() noexcept { moved_out_ = true; }
    void set_block_class(std::uint16_t block_class) noexcept { block_class_ = block_class & 31u; }
};

/// Memory for a state, from the loop's pool.
COIR_API void* allocate_state(Scheduler& scheduler, std::size_t size, std::uint16_t& block_class);
COIR_API void free_state(Scheduler& scheduler, void* memory, std::uint16_t block_class) noexcept;

/// Memory for a state of the running loop. Throws std::logic_error naming `call` when there is none.
struct StateMemory {
    void* memory;
    Scheduler* scheduler;
};
COIR_API StateMemory allocate_state_here(const char* call, std::size_t size);

/// Sizes up to this come from the loop's pool, in classes; larger ones have class 0.
inline constexpr std::size_t largest_block = 1024;
inline constexpr std::size_t block_granule = 64;
constexpr std::uint16_t block_class_of(std::size_t size) noexcept {
    return size > largest_block
               ? std::uint16_t{0}
               : static_cast<std::uint16_t>((size + block_granule - 1) / block_granule);
}

template <class State, class... Args>
[[gnu::always_inline]] inline State* construct_state(Scheduler& scheduler, void* memory,
                                                     Args&&... args) {
    static_assert(alignof(State) <= 64, "coir: over-aligned callables and results are not supported");
    constexpr std::uint16_t block_class = block_class_of(sizeof(State));
    if constexpr (std::is_nothrow_constructible_v<State, Scheduler&, Args...>) {
        return State::adopt(::new (memory) State(scheduler, std::forward<Args>(args)...), block_class);
    } else {
        try {
            return State::adopt(::new (memory) State(scheduler, std::forward<Args>(args)...),
                                block_class);
        } catch (...) {
            free_state(scheduler, memory, block_class);
            throw;
        }
    }
}

template <class State, class... Args>
State* make_state(Scheduler& scheduler, Args&&... args) {
    std::uint16_t block_class = 0;
    void* memory = allocate_state(scheduler, sizeof(State), block_class);
    return construct_state<State>(scheduler, memory, std::forward<Args>(args)...);
}
/// The same for the running loop; `call` is for the error when there is none.
template <class State, class... Args>
[[gnu::always_inline]] inline State* make_state_here(const char* call, Args&&... args) {
    const StateMemory made = allocate_state_here(call, sizeof(State));
    return construct_state<State>(*made.scheduler, made.memory, std::forward<Args>(args)...);
}

/// Storage for a result of type T: nothing for void, a pointer for T&.
template <class T>
class ResultSlot {
public:
    ResultSlot() noexcept {}
    ResultSlot(const ResultSlot&) = delete;
    ResultSlot& operator=(const ResultSlot&) = delete;
    ~ResultSlot() {}
    template <class... Args>
    void emplace(Args&&... args) {
        ::new (static_cast<void*>(&value_)) T(std::forward<Args>(args)...);
    }
    T& get() noexcept { return value_; }
    void destroy() noexcept { value_.~T(); }

private:
    union {
        T value_;
    };
};
template <class T>
class ResultSlot<T&> {
public:
    void emplace(T& value) noexcept { value_ = &value; }
    T& get() noexcept { return *value_; }
    void destroy() noexcept {}

private:
    T* value_ = nullptr;
};
template <>
class ResultSlot<void> {
public:
    void emplace() noexcept {}
    void get() noexcept {}
    void destroy() noexcept {}
};

/// A state with room for a result: `Base` is StateBase for futures, TaskBase for tasks.
template <class T, class Base>
class ValueState : public Base {
public:
    template <class... Args>
    explicit ValueState(Args&&... args) noexcept : Base(std::forward<Args>(args)...) {}

    ResultSlot<T>& slot() noexcept { return slot_; }

protected:
    ~ValueState() override {
        if (this->outcome_ == Outcome::value) slot_.destroy();
    }

private:
    ResultSlot<T> slot_;
};

template <class T>
class FutureState final : public ValueState<T, StateBase> {
public:
    explicit FutureState(Scheduler& scheduler) noexcept
        : ValueState<T, StateBase>(scheduler, false) {}
    static FutureState* adopt(FutureState* state, std::uint16_t block_class) noexcept {
        state->set_block_class(block_class);
        return state;
    }
    template <class... Args>
    void set_value(Args&&... args) {
        this->require_settable();
        this->slot().emplace(std::forward<Args>(args)...);
        this->value_stored();
    }

private:
    ~FutureState() override = default;
};

/// An intrusive pointer to a state.
template <class State>
class StateRef {
public:
    StateRef() noexcept = default;
    /// Takes over a reference that the caller holds.
    static StateRef adopt(State* state) noexcept {
        StateRef ref;
        ref.state_ = state;
        return ref;
    }
    static StateRef share(State* state) noexcept {
        if (state) state->add_ref();
        return adopt(state);
    }
    StateRef(const StateRef& other) noexcept : state_(other.state_) {
        if (state_) state_->add_ref();
    }
    StateRef(StateRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    StateRef& operator=(StateRef other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~StateRef() {
        if (state_) state_->drop_ref();
    }
    State* get() const noexcept { return state_; }
    State* operator->() const noexcept { return state_; }
    State& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    State* state_ = nullptr;
};

[[noreturn]] COIR_API void throw_empty_handle();

}  // namespace detail
}  // namespace v0
}  // namespace coir
