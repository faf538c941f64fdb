// SPDX-License-Identifier: BSL-1.0
// Context variables: maps that are copied when they are written to while somebody else has them.
#include "context.hpp"

#include <coir/error.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// Values by variable, in the order of their numbers. Changed only while one slot has it.
struct ContextMap {
    struct Entry {
        std::uint64_t variable;
        ContextValueRef value;
    };
    std::atomic<std::uint32_t> references{1};
    std::uint64_t context = 0;  ///< for which one it was made
    std::vector<Entry> entries;

    std::vector<Entry>::iterator place_of(std::uint64_t variable) noexcept {
        return std::lower_bound(
            entries.begin(), entries.end(), variable,
            [](const Entry& entry, std::uint64_t wanted) { return entry.variable < wanted; });
    }
};

/// What copies of a Context have in common.
struct ContextHolder {
    std::atomic<std::uint32_t> references{1};
    ContextSlot slot;
};

constinit std::atomic<bool> any_context_in_use{false};

namespace {

std::uint64_t next_context() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void drop(ContextMap* map) noexcept {
    if (map && map->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete map;
}
void drop(ContextHolder* holder) noexcept {
    if (holder && holder->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete holder;
}

// What a thread has outside of tasks and callbacks; and, on a pool's thread, what its job has.
thread_local ContextSlot thread_context;
[[gnu::tls_model("initial-exec")]] constinit thread_local ContextSlot* job_context = nullptr;

}  // namespace

ContextValue::~ContextValue() = default;

// --- Slots --------------------------------------------------------------------------------------

ContextSlot& ContextSlot::target() noexcept {
    if ((word_ & holder_bit) == 0) return *this;
    return reinterpret_cast<ContextHolder*>(word_ & ~holder_bit)->slot;
}

ContextMap* ContextSlot::map() const noexcept {
    return reinterpret_cast<ContextMap*>(word_ & ~own_bit);
}

void ContextSlot::release() noexcept {
    const std::uintptr_t word = std::exchange(word_, 0);
    if ((word & holder_bit) != 0) {
        drop(reinterpret_cast<ContextHolder*>(word & ~holder_bit));
    } else {
        drop(reinterpret_cast<ContextMap*>(word & ~own_bit));
    }
}

ContextSlot ContextSlot::copy() const noexcept {
    ContextSlot copied;
    if (ContextMap* shared = target().map()) {
        shared->references.fetch_add(1, std::memory_order_relaxed);
        copied.word_ = reinterpret_cast<std::uintptr_t>(shared);
    }
    return copied;
}

ContextSlot ContextSlot::of(ContextHolder& holder) noexcept {
    holder.references.fetch_add(1, std::memory_order_relaxed);
    ContextSlot slot;
    slot.word_ = reinterpret_cast<std::uintptr_t>(&holder) | holder_bit;
    return slot;
}

const ContextValue* ContextSlot::find(std::uint64_t variable) const noexcept {
    ContextMap* const values = map();
    if (!values) return nullptr;
    const auto at = values->place_of(variable);
    return at != values->entries.end() && at->variable == variable ? at->value.get() : nullptr;
}

std::uint64_t ContextSlot::identity() const noexcept {
    return (word_ & own_bit) != 0 ? map()->context : 0;
}

// The map, after making it this context's own and nobody else's.
ContextMap& ContextSlot::writable_map() {
    ContextMap* const shared = map();
    const bool own = (word_ & own_bit) != 0;
    if (own && shared->references.load(std::memory_order_acquire) == 1) return *shared;
    auto* fresh = new ContextMap;
    try {
        if (shared) fresh->entries = shared->entries;
    } catch (...) {
        delete fresh;
        throw;
    }
    fresh->context = own ? shared->context : next_context();
    word_ = reinterpret_cast<std::uintptr_t>(fresh) | own_bit;
    drop(shared);
    any_context_in_use.store(true, std::memory_order_relaxed);
    return *fresh;
}

ContextValueRef ContextSlot::exchange_value(std::uint64_t variable, ContextValueRef value) {
    ContextMap& values = writable_map();
    const auto at = values.place_of(variable);
    const bool known = at != values.entries.end() && at->variable == variable;
    if (!known) {
        if (value) values.entries.insert(at, {variable, std::move(value)});
        return {};
    }
    ContextValueRef before = std::move(at->value);
    if (value) {
        at->value = std::move(value);
    } else {
        values.entries.erase(at);
    }
    return before;
}

// --- The current context ------------------------------------------------------------------------

ContextSlot& current_context() noexcept {
    if (Scheduler* scheduler = running_here) {
        if (ContextSlot* slot = scheduler->context_here()) return *slot;
    }
    return job_context ? *job_context : thread_context;
}

ThreadInContext::ThreadInContext(ContextSlot& slot) noexcept
    : before_(std::exchange(job_context, &slot)) {}
ThreadInContext::~ThreadInContext() { job_context = before_; }

std::uint64_t new_context_variable() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

ContextUndo set_context_value(std::uint64_t variable, ContextValueRef value) {
    ContextSlot& slot = current_context().target();
    ContextUndo undo;
    undo.variable = variable;
    undo.before = slot.exchange_value(variable, std::move(value));
    undo.context = slot.identity();
    return undo;
}

void undo_context_value(std::uint64_t variable, const ContextUndo& undo) {
    if (undo.variable != variable) {
        throw std::invalid_argument("coir: a token of one context variable resets only that one");
    }
    ContextSlot& slot = current_context().target();
    if (slot.identity() != undo.context) {
        throw std::invalid_argument(
            "coir: a context variable can only be reset in the context in which it was set");
    }
    if (undo.used) throw InvalidStateError("coir: this token has been used to reset its variable");
    slot.exchange_value(variable, undo.before);
    undo.used = true;
}

void throw_no_context_value(const std::string& name) {
    throw std::out_of_range("coir: the context variable '" + name +
                            "' has no value here and no default");
}

// --- Scheduler ----------------------------------------------------------------------------------

ContextSlot* Scheduler::context_here() noexcept {
    if (context_override_) return context_override_;
    return current_ ? &current_->variables_ : nullptr;
}

void Scheduler::give_context(TaskBase& task, const TaskOptions* options) noexcept {
    ContextHolder* const shared = options ? options->context.holder() : nullptr;
    task.variables_ = shared ? ContextSlot::of(*shared) : current_context().copy();
}

// The end of a task: what nobody can ask for any more goes while the task is still the current one,
// as its callable did. An error may yet be reported in its context, and the main task's goes on in
// the next one of its Runner.
void Scheduler::release_context(TaskBase& task, Outcome outcome) noexcept {
    if (&task == main_task_ || outcome == Outcome::error) return;
    task.variables_.reset();
}

}  // namespace detail

// --- Context ------------------------------------------------------------------------------------

using detail::ContextHolder;
using detail::ContextSlot;

Context::Context(ContextSlot values) : holder_(new ContextHolder) {
    holder_->slot = std::move(values);
    detail::any_context_in_use.store(true, std::memory_order_relaxed);
}

Context::Context(const Context& other) noexcept : holder_(other.holder_) {
    if (holder_) holder_->references.fetch_add(1, std::memory_order_relaxed);
}

Context::~Context() { detail::drop(holder_); }

Context Context::copy() const {
    return Context(holder_ ? holder_->slot.copy() : ContextSlot());
}

const detail::ContextValue* Context::find(std::uint64_t variable) const noexcept {
    return holder_ ? holder_->slot.find(variable) : nullptr;
}

Context::Entry::Entry(Context& context) : slot_(detail::current_context()) {
    if (!context.holder_) context = new_context();
    outside_ = ContextSlot::of(*context.holder_);
    slot_.swap(outside_);
}

Context::Entry::~Entry() { slot_.swap(outside_); }

Context copy_context() { return Context(detail::current_context().copy()); }
Context new_context() { return Context(ContextSlot()); }

}  // namespace v0
}  // namespace coir
