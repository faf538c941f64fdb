// SPDX-License-Identifier: BSL-1.0
// Future: a result that somebody will set. Promise: the same with the setting side split off.
//
// Threads: the loop's thread only (WrongThreadError elsewhere); handles may be copied and dropped
// anywhere. Set one from another thread by loop.call_soon_threadsafe([=] { f.set_result(v); }).
// Behaviour: asyncio.Future, but for what a cancelled future throws into those who await it
// (TaskCancelledError: they were not cancelled themselves).
#pragma once

#include <coir/detail/handle.hpp>

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {


/// A handle to a result-to-be. Cheap to copy; a default-constructed one is empty and throws
/// InvalidStateError on any use. Every member is const, because the state is shared.
template <class T>
class Future : public detail::HandleBase<Future<T>, T, detail::FutureState<T>> {
    using Base = detail::HandleBase<Future<T>, T, detail::FutureState<T>>;

public:
    using CallbackArgument = Future<T>;

    Future() noexcept = default;
    explicit Future(detail::StateRef<detail::FutureState<T>> state) noexcept
        : Base(std::move(state)) {}

    /// Completes it with a value. Throws InvalidStateError when it is done already.
    template <class U = T>
        requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
    void set_result(U&& value) const {
        this->state().set_value(std::forward<U>(value));
    }
    void set_result() const
        requires std::is_void_v<T>
    {
        this->state().set_value();
    }
    /// Completes it unless it is done already; says whether it did.
    template <class U = T>
        requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
    bool try_set_result(U&& value) const {
        if (this->done()) return false;
        set_result(std::forward<U>(value));
        return true;
    }
    bool try_set_result() const
        requires std::is_void_v<T>
    {
        if (this->done()) return false;
        set_result();
        return true;
    }
    /// Completes it with an exception. Throws InvalidStateError when it is done already, and
    /// std::invalid_argument for a null pointer.
    void set_exception(std::exception_ptr error) const { this->state().set_error(std::move(error)); }
    template <class E>
        requires(!std::is_same_v<std::decay_t<E>, std::exception_ptr> &&
                 !std::is_same_v<std::decay_t<E>, std::nullptr_t>)
    void set_exception(E&& error) const {
        set_exception(std::make_exception_ptr(std::forward<E>(error)));
    }

    static Future callback_argument(const detail::StateRef<detail::FutureState<T>>& state) {
        return Future(state);
    }
};

namespace detail {
template <class T>
Future<T> new_future(Scheduler& scheduler) {
    return Future<T>(StateRef<FutureState<T>>::adopt(make_state<FutureState<T>>(scheduler)));
}
}  // namespace detail

/// A pending future of the running loop. Throws std::logic_error when no loop runs here.
template <class T>
Future<T> create_future() {
    return Future<T>(detail::StateRef<detail::FutureState<T>>::adopt(
        detail::make_state_here<detail::FutureState<T>>("create_future")));
}

/// The setting side of a future. Dropped unset, its future gets BrokenPromise. Move-only; the
/// loop's thread only, construction included.
template <class T>
class Promise {
public:
    Promise() : future_(create_future<T>()) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise&& other) noexcept {
        if (this != &other) {
            abandon();
            future_ = std::move(other.future_);
        }
        return *this;
    }
    ~Promise() { abandon(); }

    /// The future; any number of times, all the same.
    Future<T> get_future() const { return future_; }
    template <class... U>
    void set_value(U&&... value) const {
        future_.set_result(std::forward<U>(value)...);
    }
    template <class E>
    void set_exception(E&& error) const {
        future_.set_exception(std::forward<E>(error));
    }

private:
    void abandon() noexcept {
        // Nobody needs to be told when nobody else holds the future.
        if (future_ && !future_.done() && !future_.ref_state()->unique()) {
            future_.ref_state()->break_promise();
        }
        future_ = {};
    }
    Future<T> future_;
};

}  // namespace v0
}  // namespace coir

template <class T>
struct std::hash<coir::Future<T>> {
    std::size_t operator()(const coir::Future<T>& future) const noexcept {
        return std::hash<const void*>{}(future.ref_state().get());
    }
};
