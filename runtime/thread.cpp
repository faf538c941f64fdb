// SPDX-License-Identifier: BSL-1.0
// to_thread: see thread_pool.hpp for the pool.
#include <coir/thread.hpp>

#include "thread_pool.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

void call_on_pool(void (*work)(void*), void (*on_cancel)(void*) noexcept, void* argument) {
    Scheduler& scheduler = this_task("to_thread").scheduler();
    run_in_pool(
        scheduler.pool(), [&] { work(argument); }, "to_thread", on_cancel, argument);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
