// SPDX-License-Identifier: BSL-1.0
// What is called when tasks are left and go on, and regions in which none may be left.
#include "scheduler.hpp"

#include <coir/log.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

void Scheduler::call_switch_hooks_out() noexcept {
    for (std::size_t i = switch_hooks_.size(); i-- > 0;) {
        if (switch_hooks_[i].out) switch_hooks_[i].out(switch_hooks_[i].argument);
    }
}

void Scheduler::call_switch_hooks_in() noexcept {
    for (std::size_t i = 0; i < switch_hooks_.size(); ++i) {
        if (switch_hooks_[i].in) switch_hooks_[i].in(switch_hooks_[i].argument);
    }
}

bool Scheduler::has_switch_hook(const void* argument) const noexcept {
    return std::any_of(switch_hooks_.begin(), switch_hooks_.end(),
                       [&](const SwitchHook& hook) { return hook.argument == argument; });
}

void Scheduler::remove_switch_hook(const void* argument) noexcept {
    const auto found = std::find_if(switch_hooks_.begin(), switch_hooks_.end(),
                                    [&](const SwitchHook& hook) { return hook.argument == argument; });
    if (found != switch_hooks_.end()) switch_hooks_.erase(found);
}

void Scheduler::fail_forbidden_switch() noexcept {
    try {
        const Park* park = current_->park();
        log(LogLevel::error, "coir: task '" + current_->name() + "' suspends" +
                                 (park ? std::string(" (") + park->what + ")" : std::string()) +
                                 " in a region in which it must not (coir::no_suspend)");
    } catch (const std::bad_alloc&) {
        log(LogLevel::error, "coir: a task suspends in a region in which it must not");
    }
    std::abort();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
