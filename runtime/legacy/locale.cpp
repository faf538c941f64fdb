// SPDX-License-Identifier: BSL-1.0
// uselocale() per task, and h_errno. A task without a locale of its own has that of its thread. The
// locale is put in force when the task goes on and taken back when it is left, by a switch hook that
// is there only while some task of the loop has one.
#include "real.hpp"
#include "task_state.hpp"

#include "../calls/in_task.hpp"

#include <locale.h>

namespace coir_legacy {
namespace {

// Of the loop that runs on this thread.
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned tasks_with_locale = 0;
[[gnu::tls_model("initial-exec")]] constinit thread_local locale_t of_thread = nullptr;

void leave_task(void*) noexcept {
    const TaskState* const state = task_state();
    if (state && state->locale) real::uselocale(of_thread);
}

void enter_task(void*) noexcept {
    const TaskState* const state = task_state();
    if (state && state->locale) of_thread = real::uselocale(state->locale);
}

void* hook_argument() noexcept { return &tasks_with_locale; }

bool begin(TaskState& state, locale_t locale) noexcept {
    if (tasks_with_locale == 0 &&
        !hooks::add_switch_hook(&leave_task, &enter_task, hook_argument())) {
        return false;
    }
    ++tasks_with_locale;
    of_thread = real::uselocale(locale);
    state.locale = locale;
    return true;
}

}  // namespace

void end_locale(TaskState& state) noexcept {
    if (!state.locale) return;
    state.locale = nullptr;
    real::uselocale(of_thread);
    if (--tasks_with_locale == 0) hooks::remove_switch_hook(hook_argument());
}

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

locale_t uselocale(Scheduler&, locale_t locale) {
    const locale_t before = real::uselocale(nullptr);
    if (!locale || locale == before) return before;
    TaskState* const state = need_task_state();
    if (!state) {
        errno = ENOMEM;
        return nullptr;
    }
    if (!state->locale) {
        if (begin(*state, locale)) return before;
        errno = ENOMEM;
        return nullptr;
    }
    if (locale == of_thread) {
        end_locale(*state);
    } else {
        real::uselocale(locale);
        state->locale = locale;
    }
    return before;
}

// Without memory it is the thread's: better a value that others may overwrite than none.
int* __h_errno_location(Scheduler&) {
    TaskState* const state = need_task_state();
    return state ? &state->host_error : real::__h_errno_location();
}

}  // namespace coir::inline v0::detail::calls::in_task
