// SPDX-License-Identifier: BSL-1.0
// coir_loop_fd, coir_stats, coir_dump_tasks.
#include "capi.hpp"

#include <coir/event_loop.hpp>

#include <string>

namespace capi = coir::detail::capi;
using coir::detail::Scheduler;

extern "C" {

int coir_loop_fd(void) {
    Scheduler* loop = coir::detail::running_here;
    if (!loop) return capi::fail(EPERM);
    const int fd = loop->fd();
    return fd >= 0 ? fd : capi::fail(ENOTSUP);
}

int coir_stats(coir_stats_t* stats) {
    if (!stats || stats->size < sizeof *stats) return capi::fail(EINVAL);
    const Scheduler* loop = coir::detail::running_here;
    if (!loop) return capi::fail(EPERM);
    const coir::LoopMetrics metrics = loop->metrics();
    stats->turns = metrics.turns;
    stats->steps = metrics.steps;
    stats->tasks_created = metrics.tasks_created;
    stats->tasks_alive = metrics.tasks_alive;
    stats->timers = metrics.timers;
    stats->idle_ns = static_cast<std::uint64_t>(metrics.idle.count());
    stats->stacks_reserved = metrics.stacks_reserved;
    return 0;
}

int coir_dump_tasks(int fd) {
    Scheduler* loop = coir::detail::running_here;
    if (!loop) return capi::fail(EPERM);
    std::string text;
    if (capi::guard([&] { text = loop->describe_tasks(); }) < 0) return -1;
    for (std::size_t at = 0; at < text.size();) {
        const long written = loop->sys().write(fd, text.data() + at, text.size() - at);
        if (written == -EINTR) continue;
        if (written < 0) return capi::fail(static_cast<int>(-written));
        at += static_cast<std::size_t>(written);
    }
    return 0;
}

}  // extern "C"
