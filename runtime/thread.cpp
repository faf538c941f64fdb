// SPDX-License-Identifier: BSL-1.0
// to_thread: see thread_pool.hpp for the pool.
#include <coir/thread.hpp>

#include "context.hpp"
#include "thread_host.hpp"
#include "thread_pool.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// A call on the pool, and whom to tell when its task is cancelled.
struct HostedCall {
    ThreadHost host;
    void (*on_cancel)(void*) noexcept;
    void* argument;

    static void cancel(void* call) noexcept {
        auto& self = *static_cast<HostedCall*>(call);
        self.host.cancel();
        if (self.on_cancel) self.on_cancel(self.argument);
    }
};

}  // namespace

void call_on_pool(void (*work)(void*), void (*on_cancel)(void*) noexcept, void* argument) {
    TaskBase& self = this_task("to_thread");
    HostedCall call{{}, on_cancel, argument};
    ContextSlot context = capture_context();
    call.host.task = &self;
    const auto work_here = [&] {
        const ThreadHost::Here here(call.host);
        const ThreadInContext in(context);
        work(argument);
    };
    try {
        run_in_pool(self.scheduler().pool(), work_here, "to_thread", &HostedCall::cancel, &call,
                    PoolQueue::limited);
    } catch (const CancelledError&) {
        // The call has passed the request on, from where it waited: so it is delivered.
        if (self.cancel_pending() && !self.masked()) self.throw_cancelled();
        throw;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
