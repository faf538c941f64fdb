// SPDX-License-Identifier: BSL-1.0
// Context variables: values that follow a task, such as the id of the request that it works for.
//
//     coir::ContextVar<std::string> request_id("request_id", "none");   // usually a global
//     ...
//     request_id.set("42");          // seen by this task and by what it starts from now on
//     log(request_id.get());         // anywhere below, in any file, without passing it along
//
// Every task, and every callback of call_soon and the like, has a context of its own, which begins
// as a copy of that of whoever created it; so do callbacks of done futures (when they are
// registered) and functions in to_thread. The copy is one pointer, and nothing at all as long as no
// variable was set. Outside loops each thread has a context, which run() copies.
//
// Threads: a variable may be used on all of them; each sees the value of its own task, callback or
// thread. Values are destroyed on the loop's thread, as far as they were not set elsewhere.
// Behaviour: Python's contextvars, as asyncio uses them.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/context_slot.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

class Context;

/// A copy of the current context: of the running task or callback, or of the thread.
[[nodiscard]] COIR_API Context copy_context();
/// A context in which no variable is set.
[[nodiscard]] COIR_API Context new_context();

/// A variable with a value per context. Make it a global, or keep it as long as contexts that have a
/// value of it: a value cannot be reached any more without its variable, and goes with its context.
template <class T>
class ContextVar {
    static_assert(std::is_object_v<T> && std::copy_constructible<T>,
                  "coir: a context variable's type must be an object type that can be copied; hold "
                  "others by a std::shared_ptr");

public:
    /// What set() returns: gives reset() the value from before. Copies undo the same set().
    class Token {
    public:
        /// The value before; nothing if there was none.
        std::optional<T> old_value() const {
            if (!undo_.before) return std::nullopt;
            return value_in(undo_.before.get());
        }

    private:
        friend class ContextVar;
        explicit Token(detail::ContextUndo undo) noexcept : undo_(std::move(undo)) {}
        detail::ContextUndo undo_;
    };

    /// `name` is for messages.
    explicit ContextVar(std::string name) : name_(std::move(name)) {}
    /// With a value for contexts in which none was set.
    ContextVar(std::string name, T default_value)
        : name_(std::move(name)), default_(std::move(default_value)) {}
    ContextVar(const ContextVar&) = delete;
    ContextVar& operator=(const ContextVar&) = delete;

    /// The value in the current context, else the variable's default. Throws std::out_of_range when
    /// there is neither. A copy: what is stored may be replaced while the caller waits.
    T get() const {
        if (const detail::ContextValue* value = find()) return value_in(value);
        if (!default_) detail::throw_no_context_value(name_);
        return *default_;
    }
    /// The value in the current context, else `fallback`, whatever the variable's default.
    T get(T fallback) const {
        if (const detail::ContextValue* value = find()) return value_in(value);
        return fallback;
    }
    /// Sets the value in the current context. Tasks and callbacks that exist already do not see it.
    Token set(T value) {
        return Token(detail::set_context_value(
            id_, detail::ContextValueRef::adopt(new Value(std::move(value)))));
    }
    /// Back to what it was before the set() that gave the token, also if that was no value. Throws
    /// std::invalid_argument for a token of another variable or another context (another task's, or
    /// a callback's), and InvalidStateError for one that was used.
    void reset(const Token& token) { detail::undo_context_value(id_, token.undo_); }
    const std::string& name() const noexcept { return name_; }

private:
    friend class Context;
    struct Value final : detail::ContextValue {
        explicit Value(T&& given) : value(std::move(given)) {}
        T value;
    };
    static const T& value_in(const detail::ContextValue* value) noexcept {
        return static_cast<const Value*>(value)->value;
    }
    const detail::ContextValue* find() const noexcept {
        return detail::current_context().target().find(id_);
    }

    const std::uint64_t id_ = detail::new_context_variable();
    const std::string name_;
    const std::optional<T> default_;
};

/// The variables of a task, of a callback, or of several tasks that share them. Copies of a Context
/// stand for the same context, as two names for one object do in Python; copy() makes another one
/// with the same values, which costs one pointer until either is written to.
///
/// A default-constructed one is of no context; in TaskOptions it means a copy of the creator's. It
/// becomes an empty context when run() is first called or when it is made by new_context().
///
/// Threads: one at a time, and tasks of one loop only.
class COIR_API Context {
public:
    Context() noexcept = default;
    Context(const Context& other) noexcept;
    Context(Context&& other) noexcept : holder_(std::exchange(other.holder_, nullptr)) {}
    Context& operator=(Context other) noexcept {
        std::swap(holder_, other.holder_);
        return *this;
    }
    ~Context();

    /// False for one that is of no context.
    explicit operator bool() const noexcept { return holder_ != nullptr; }
    /// Another context with the same values.
    Context copy() const;
    /// The variable's value here, nothing if none was set.
    template <class T>
    std::optional<T> get(const ContextVar<T>& variable) const {
        const detail::ContextValue* value = find(variable.id_);
        if (!value) return std::nullopt;
        return ContextVar<T>::value_in(value);
    }
    /// Calls `f()` with this as the current context and returns what it returns. `f` may suspend: the
    /// context is the calling task's alone meanwhile, or that of those who share it.
    template <class F>
    decltype(auto) run(F&& f) {
        const Entry entry(*this);
        return std::invoke(std::forward<F>(f));
    }
    friend bool operator==(const Context& a, const Context& b) noexcept {
        return a.holder_ == b.holder_;
    }

    // Internal.
    detail::ContextHolder* holder() const noexcept { return holder_; }

private:
    friend Context copy_context();
    friend Context new_context();

    class COIR_API Entry {
    public:
        explicit Entry(Context& context);
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry();

    private:
        detail::ContextSlot& slot_;
        detail::ContextSlot outside_;
    };
    explicit Context(detail::ContextSlot values);
    const detail::ContextValue* find(std::uint64_t variable) const noexcept;

    detail::ContextHolder* holder_ = nullptr;
};

}  // namespace v0
}  // namespace coir
