// SPDX-License-Identifier: BSL-1.0
// What is called when tasks are left and go on, and regions in which none may be left.
#include "scheduler.hpp"

#include <coir/log.hpp>

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

void Scheduler::fail_forbidden_switch() noexcept {
    try {
        const Park* park = current_->park();
        log(LogLevel::error, "coir: task '" + current_->name() + "' suspends" +
                                 (park ? std::string(" (") + park->what + ")" : std::string()) +
                                 " in a region in which it must not (coir_no_suspend_begin)");
    } catch (const std::bad_alloc&) {
        log(LogLevel::error, "coir: a task suspends in a region in which it must not");
    }
    std::abort();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
