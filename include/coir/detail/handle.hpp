// SPDX-License-Identifier: BSL-1.0
// What the handles Task<T> and Future<T> share. Internal; use task.hpp and future.hpp.
#pragma once

#include <coir/detail/state.hpp>
#include <coir/detail/task_state.hpp>

#include <compare>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace coir {
inline namespace v0 {

class EventLoop;
/// Names a registered done callback, to remove it by.
using CallbackId = std::uint64_t;

namespace detail {

COIR_API EventLoop& owner_of(const Scheduler& scheduler) noexcept;

/// void becomes std::monostate where a value is needed.
template <class T>
using ValueOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
/// The same where an object is needed: a reference becomes a std::reference_wrapper.
template <class T>
using StoredValue = std::conditional_t<std::is_reference_v<T>,
                                       std::reference_wrapper<std::remove_reference_t<T>>, ValueOf<T>>;

/// Takes the value out of a done state: by copy, or (move = true) by move when that is allowed.
/// `awaits`: the caller's own.
template <class T, class State>
T take_value(State& state, bool move, unsigned awaits = 0) {
    if constexpr (std::is_void_v<T>) {
        return;
    } else if constexpr (std::is_reference_v<T>) {
        return state.slot().get();
    } else {
        if constexpr (!std::is_copy_constructible_v<T>) {
            state.mark_moved_out();
            return std::move(state.slot().get());
        } else {
            if (move && state.unique(awaits)) {
                state.mark_moved_out();
                return std::move(state.slot().get());
            }
            return state.slot().get();
        }
    }
}

/// `Self` is the handle type, `State` what it points to.
template <class Self, class T, class State>
class HandleBase {
public:
    using ResultType = T;

    /// True for a handle that refers to something.
    explicit operator bool() const noexcept { return static_cast<bool>(state_); }
    /// Whether there is an outcome: a value, an exception or a cancellation.
    bool done() const { return state().done(); }
    /// Whether it ended cancelled.
    bool cancelled() const { return state().outcome() == Outcome::cancelled; }

    /// The value. Throws InvalidStateError while pending, the stored exception, or CancelledError.
    decltype(auto) result() const& {
        state().throw_unless_value(false);
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(state().slot().get());
        } else {
            return static_cast<const T&>(state().slot().get());
        }
    }
    /// As above, but moves the value out if this is the last handle or T cannot be copied.
    T result() && {
        state().throw_unless_value(false);
        return take_value<T>(state(), true);
    }
    /// The stored exception, or null for a value. Throws InvalidStateError while pending and
    /// CancelledError when cancelled.
    std::exception_ptr exception() const {
        if (state().outcome() == Outcome::error) {
            state().mark_retrieved();
            return state().error();
        }
        state().throw_unless_value(false);
        return nullptr;
    }

    /// Asks a task to end with CancelledError at its next suspension point, or cancels a future at
    /// once. Returns false when it is already done. The loop's thread only.
    bool cancel(std::string message = {}) const { return state().cancel(std::move(message)); }

    /// Calls `f` (with the handle, or with nothing) through call_soon once it is done; at the next
    /// turn if it is already. Callbacks run in the order of their registration.
    template <class F>
    CallbackId add_done_callback(F&& f) const {
        state();
        using Fn = std::decay_t<F>;
        struct Callback final : StateBase::DoneCallback {
            explicit Callback(F&& fn) : f(std::forward<F>(fn)) {}
            void invoke() override {
                if constexpr (std::is_invocable_v<Fn&, typename Self::CallbackArgument>) {
                    f(Self::callback_argument(
                        StateRef<State>::share(static_cast<State*>(this->state))));
                } else {
                    f();
                }
            }
            Fn f;
        };
        return state_->add_done_callback(std::make_unique<Callback>(std::forward<F>(f)));
    }
    /// Removes a callback; false when it has run, is queued to run, or never was.
    bool remove_done_callback(CallbackId id) const {
        return state().remove_done_callback(id);
    }

    /// The loop it belongs to.
    EventLoop& loop() const { return owner_of(state().scheduler()); }

    /// The same as await() of this handle.
    COIR_SUSPENDS T get() const& {
        static_assert(std::is_void_v<T> || std::is_reference_v<T> || std::is_copy_constructible_v<T>,
                      "coir: this result cannot be copied; use await(std::move(handle)) or "
                      "std::move(handle).get()");
        return awaited_value(false);
    }
    COIR_SUSPENDS T get() && { return awaited_value(true); }

    friend bool operator==(const HandleBase& a, const HandleBase& b) noexcept {
        return a.state_.get() == b.state_.get();
    }
    friend std::strong_ordering operator<=>(const HandleBase& a, const HandleBase& b) noexcept {
        return std::compare_three_way{}(a.state_.get(), b.state_.get());
    }

    // Internal from here on.
    State& state() const {
        if (!state_) [[unlikely]] throw_empty_handle();
        return *state_;
    }
    const StateRef<State>& ref_state() const noexcept { return state_; }
    // `state_` may be another one when the task goes on.
    T awaited_value(bool move) const {
        State& awaited = state();
        const StateBase::Kept kept(awaited, awaited.wait_kept());
        awaited.throw_unless_value(true);
        return take_value<T>(awaited, move, 1);
    }

protected:
    HandleBase() noexcept = default;
    explicit HandleBase(StateRef<State> state) noexcept : state_(std::move(state)) {}
    ~HandleBase() = default;
    HandleBase(const HandleBase&) = default;
    HandleBase(HandleBase&&) noexcept = default;
    HandleBase& operator=(const HandleBase&) = default;
    HandleBase& operator=(HandleBase&&) noexcept = default;

    StateRef<State> state_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
