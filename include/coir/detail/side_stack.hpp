// SPDX-License-Identifier: BSL-1.0
// Stacks that plain code runs on in turn, on one thread, as if each were a thread of its own: with
// its own running loop, exceptions in flight and errno. What the simulator's threads are.
//
// Not for tasks: those run on the stacks of their loop. Internal: nothing here is API.
#pragma once

#include <coir/detail/config.hpp>

#include <cstddef>
#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

class COIR_API SideStack {
public:
    /// The stack that the caller is on.
    SideStack();
    /// A new one, on which `body(argument)` begins when it is switched to. `body` must not throw, and
    /// must not return: it switches away for good. Throws std::bad_alloc.
    SideStack(std::size_t size, void (*body)(void*), void* argument);
    SideStack(const SideStack&) = delete;
    SideStack& operator=(const SideStack&) = delete;
    /// Nothing is destroyed that lives on it.
    ~SideStack();

    /// Leaves this one, which must be running, for `to`; returns when somebody switches back.
    void switch_to(SideStack& to) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
