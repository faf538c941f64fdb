// SPDX-License-Identifier: BSL-1.0
// Context variables inside the runtime: who captures a context, and who runs in it.
#pragma once

#include "scheduler.hpp"

#include <coir/context.hpp>

#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A copy of the current context, for a callback that is being registered.
inline ContextSlot capture_context() noexcept {
    if (!contexts_in_use()) [[likely]] return {};
    return current_context().copy();
}

/// What runs on the loop's own stack, or on behalf of a task that is not the running one, runs in
/// `slot` as long as this lives. It must not suspend.
class InContext {
public:
    InContext(Scheduler& scheduler, ContextSlot& slot) noexcept
        : scheduler_(scheduler), before_(scheduler.exchange_context(&slot)) {}
    InContext(const InContext&) = delete;
    InContext& operator=(const InContext&) = delete;
    ~InContext() { scheduler_.exchange_context(before_); }

private:
    Scheduler& scheduler_;
    ContextSlot* const before_;
};

/// The same for a thread without a loop, on which a job of a loop runs.
class ThreadInContext {
public:
    explicit ThreadInContext(ContextSlot& slot) noexcept;
    ThreadInContext(const ThreadInContext&) = delete;
    ThreadInContext& operator=(const ThreadInContext&) = delete;
    ~ThreadInContext();

private:
    ContextSlot* const before_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
