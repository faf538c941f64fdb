// SPDX-License-Identifier: BSL-1.0
// See task_state.hpp.
#include "task_state.hpp"

#include <new>

#include <climits>
#include <cstdlib>

namespace coir_legacy {
namespace {

// As the end of a thread does it: values that destructors have set are destroyed in further rounds,
// of which there are not too many.
void end(void*& slot) {
    auto* state = static_cast<TaskState*>(slot);
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && run_key_destructors(*state); ++round) {
    }
    end_locale(*state);
    slot = nullptr;
    std::free(state->values);
    std::free(state->held);
    delete state;
}

[[gnu::constructor]] void follow_tasks() { hooks::on_task_end(&end); }

}  // namespace

TaskState* need_task_state() noexcept {
    void** const slot = hooks::task_slot();
    if (!slot) return nullptr;
    if (!*slot) *slot = new (std::nothrow) TaskState;
    return static_cast<TaskState*>(*slot);
}

}  // namespace coir_legacy
