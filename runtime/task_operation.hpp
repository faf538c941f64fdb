// SPDX-License-Identifier: BSL-1.0
// An operation together with the task that waits for it, on that task's stack.
#pragma once

#include "scheduler.hpp"

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

struct TaskOperation : Operation, Park {
    TaskBase* task = nullptr;
    bool cancel_asked = false;
    bool done = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
