// SPDX-License-Identifier: BSL-1.0
// coir_blocking_begin/end, coir_no_suspend_begin/end, coir_on_switch.
#include "capi.hpp"

#include <coir/legacy.hpp>

#include <memory>

namespace capi = coir::detail::capi;
using coir::detail::Scheduler;
using coir::detail::TaskBase;

namespace {

struct Region {
    const TaskBase* task;
    bool no_suspend;
    Region* outer;
    coir::blocking_region blocking;
};

// Of this thread's tasks, the latest first; nearly always none.
constinit thread_local Region* call_regions = nullptr;

int begin(bool no_suspend) noexcept {
    TaskBase* task = coir::detail::current_task_state();
    if (!task) return no_suspend ? capi::fail(EPERM) : 0;
    auto* region = new (std::nothrow) Region{task, no_suspend, call_regions, {}};
    if (!region) return capi::fail(ENOMEM);
    call_regions = region;
    if (no_suspend) task->scheduler().forbid_suspending();
    return 0;
}

void remove(Region*& at) noexcept {
    const std::unique_ptr<Region> region(at);
    at = region->outer;
    if (region->no_suspend) region->task->scheduler().allow_suspending();
}

int end(bool no_suspend) noexcept {
    const TaskBase* task = coir::detail::current_task_state();
    if (!task) return no_suspend ? capi::fail(EPERM) : 0;
    for (Region** at = &call_regions; *at; at = &(*at)->outer) {
        if ((*at)->task != task || (*at)->no_suspend != no_suspend) continue;
        remove(*at);
        return 0;
    }
    return capi::fail(EINVAL);
}

}  // namespace

namespace coir::inline v0::detail::capi {

void end_regions() noexcept {
    if (!call_regions) [[likely]] return;
    const TaskBase* task = current_task_state();
    for (Region** at = &call_regions; *at;) {
        if ((*at)->task == task) {
            remove(*at);
        } else {
            at = &(*at)->outer;
        }
    }
}

}  // namespace coir::inline v0::detail::capi

extern "C" {

int coir_blocking_begin(void) { return begin(false); }
int coir_blocking_end(void) { return end(false); }
int coir_no_suspend_begin(void) { return begin(true); }
int coir_no_suspend_end(void) { return end(true); }

int coir_on_switch(void (*out)(void*), void (*in)(void*), void* arg) {
    if (!out && !in) return capi::fail(EINVAL);
    Scheduler* loop = coir::detail::running_here;
    if (!loop) return capi::fail(EPERM);
    return capi::guard([&] { loop->add_switch_hook({out, in, arg}); });
}

}  // extern "C"
