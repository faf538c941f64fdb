// SPDX-License-Identifier: BSL-1.0
// Where tasks and callbacks keep their context variables. Internal; use coir/context.hpp.
//
// A slot is one word: null as long as no variable was ever set, else a map of values that slots
// share until one of them is written to. A slot may also stand for a Context object, so that
// several tasks write into the same one.
#pragma once

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A value of any type, shared by the maps that it is in.
class COIR_API ContextValue {
public:
    ContextValue() noexcept = default;
    ContextValue(const ContextValue&) = delete;
    ContextValue& operator=(const ContextValue&) = delete;
    void add_ref() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_ref() const noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

protected:
    virtual ~ContextValue();

private:
    mutable std::atomic<std::uint32_t> references_{1};
};

/// A counted pointer to one; null: no value.
class ContextValueRef {
public:
    ContextValueRef() noexcept = default;
    /// Takes over the caller's reference.
    static ContextValueRef adopt(const ContextValue* value) noexcept {
        ContextValueRef ref;
        ref.value_ = value;
        return ref;
    }
    ContextValueRef(const ContextValueRef& other) noexcept : value_(other.value_) {
        if (value_) value_->add_ref();
    }
    ContextValueRef(ContextValueRef&& other) noexcept
        : value_(std::exchange(other.value_, nullptr)) {}
    ContextValueRef& operator=(ContextValueRef other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~ContextValueRef() {
        if (value_) value_->drop_ref();
    }
    const ContextValue* get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ != nullptr; }

private:
    const ContextValue* value_ = nullptr;
};

struct ContextMap;
struct ContextHolder;

/// One word, empty until a variable is set. Threads: as whatever it is in; the maps behind it may be
/// shared with other threads.
class COIR_API ContextSlot {
public:
    constexpr ContextSlot() noexcept = default;
    ContextSlot(ContextSlot&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
    ContextSlot& operator=(ContextSlot&& other) noexcept {
        ContextSlot old(std::move(*this));
        word_ = std::exchange(other.word_, 0);
        return *this;
    }
    ~ContextSlot() {
        if (word_ != 0) [[unlikely]] release();
    }
    bool in_use() const noexcept { return word_ != 0; }
    void reset() noexcept { ContextSlot old(std::move(*this)); }
    void swap(ContextSlot& other) noexcept { std::swap(word_, other.word_); }

    /// What this holds now, for a context of its own: later writes to either are not seen in the
    /// other.
    ContextSlot copy() const noexcept;
    /// The same context as `holder`'s.
    static ContextSlot of(ContextHolder& holder) noexcept;
    /// Where reads and writes go: this, or the holder's slot.
    ContextSlot& target() noexcept;
    const ContextSlot& target() const noexcept {
        return const_cast<ContextSlot*>(this)->target();
    }

    /// The value of a variable; null when there is none. For targets only.
    const ContextValue* find(std::uint64_t variable) const noexcept;
    /// Gives a variable a value, or takes it away (null); returns what it had. Strong guarantee:
    /// when there is no memory, nothing has changed.
    ContextValueRef exchange_value(std::uint64_t variable, ContextValueRef value);
    /// What tells this context from all others that were ever written to; 0 when it was not.
    std::uint64_t identity() const noexcept;

private:
    void release() noexcept;
    ContextMap* map() const noexcept;
    ContextMap& writable_map();

    // A pointer, with the lowest two bits: of what it is, and whether the map was made for this
    // context (and not for the one that it was copied from).
    static constexpr std::uintptr_t holder_bit = 1;
    static constexpr std::uintptr_t own_bit = 2;
    std::uintptr_t word_ = 0;
};

/// What ContextVar::set() gives to undo it.
struct ContextUndo {
    std::uint64_t variable = 0;
    std::uint64_t context = 0;
    ContextValueRef before;
    mutable bool used = false;
};

/// The slot of the running task or callback, or the thread's own. Its target() may be another.
COIR_API ContextSlot& current_context() noexcept;
/// A number for a new variable; never used twice in a process.
COIR_API std::uint64_t new_context_variable() noexcept;
COIR_API ContextUndo set_context_value(std::uint64_t variable, ContextValueRef value);
COIR_API void undo_context_value(std::uint64_t variable, const ContextUndo& undo);
[[noreturn]] COIR_API void throw_no_context_value(const std::string& name);

}  // namespace detail
}  // namespace v0
}  // namespace coir
