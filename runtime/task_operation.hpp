// SPDX-License-Identifier: BSL-1.0
// An operation together with the task that waits for it, on that task's stack.
#pragma once

#include "scheduler.hpp"

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

struct TaskOperation : Operation, Park {
    // Not defaulted: field by field, where a compiler would first clear the whole by a slow string
    // instruction.
    TaskOperation() noexcept {}
    /// A transfer of `count` bytes by a socket, which has no offset. Zero rather than no_offset: that is part
    /// of a constant otherwise, in a page that nothing else of a message touches.
    TaskOperation(OpCode transfer, std::uint8_t hint, int on, const void* bytes,
                  std::size_t count) noexcept {
        code = transfer;
        hints = hint;
        fd = on;
        buffer = const_cast<void*>(bytes);
        size = count;
        offset = 0;
    }

    TaskBase* task = nullptr;
    bool cancel_asked = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
