// SPDX-License-Identifier: BSL-1.0
// Which wait of a task a signal handler of the program's ends, as it would end a call of a thread.
//
//   expect_handlers() --a handler runs: handler_ran()--> the loop's turn: interrupt_waits() --> interrupt
//
// One handler ends one wait of its thread's tasks, the oldest. A loop may have a task that signals for
// the process are for (libcoir-deep: main), as they are for a process's first thread.
#pragma once

#include "legacy_hooks.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace legacy {

/// How many handlers have run on this thread, of all and of those without SA_RESTART: a wait that
/// began later must not be ended by them. Written by handlers.
struct HandlerCounts {
    unsigned all = 0;
    unsigned interrupting = 0;
};

/// A wait that handlers may end; it lives on the task's stack.
class InterruptibleWait {
public:
    /// Of `task`. With `never` it does nothing.
    void expect_handlers(TaskBase& task, Interruptible which) noexcept;
    void expect_no_handlers() noexcept;

protected:
    /// Ends the wait with Woken::interrupted; false: something else has ended it already.
    bool (*interrupt)(InterruptibleWait&) noexcept = nullptr;

private:
    friend struct HandlerState;

    TaskBase* task_ = nullptr;
    Interruptible which_ = Interruptible::never;
    HandlerCounts began_;
    InterruptibleWait* older_ = nullptr;
    InterruptibleWait* newer_ = nullptr;
};

/// This thread's, for thread_share().
void* handlers_here() noexcept;
void share_handlers(void* handlers) noexcept;

}  // namespace legacy
}  // namespace detail
}  // namespace v0
}  // namespace coir
