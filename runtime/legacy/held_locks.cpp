// SPDX-License-Identifier: BSL-1.0
// See held_locks.hpp. The look is a switch hook, which the first lock of a loop's tasks sets.
#include "held_locks.hpp"

#include "task_state.hpp"

#include <coir/legacy.hpp>

#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>

namespace coir_legacy {

constinit std::atomic<int> watching_locks{-1};

namespace {

void say(const HeldLock& held) noexcept {
    const char* waits_for = hooks::waits_for();
    Dl_info info{};
    const bool named = ::dladdr(held.lock, &info) != 0 && info.dli_sname;
    char text[320];
    std::snprintf(text, sizeof text, "is suspended (%s) and holds the lock at %p%s%.120s%s",
                  waits_for ? waits_for : "for its turn", held.lock, named ? " (" : "",
                  named ? info.dli_sname : "", named ? ")" : "");
    hooks::warn_of_task(text);
}

void look(void*) noexcept {
    TaskState* const state = task_state();
    if (!state) return;
    for (unsigned i = 0; i < state->held_count; ++i) {
        HeldLock& held = state->held[i];
        if (held.said) continue;
        held.said = true;  // once for each time it is taken
        say(held);
    }
}

void watch_this_loop() noexcept {
    if (hooks::has_switch_hook(&watching_locks)) return;
    static_cast<void>(hooks::add_switch_hook(&look, nullptr, &watching_locks));
}

bool make_room(TaskState& state) noexcept {
    if (state.held_count < state.held_room) return true;
    const unsigned room = state.held_room * 2 + 4;
    void* memory = std::realloc(state.held, room * sizeof(HeldLock));
    if (!memory) return false;
    state.held = static_cast<HeldLock*>(memory);
    state.held_room = room;
    return true;
}

}  // namespace

void note_taken_slowly(const void* lock) noexcept {
    if (watching_locks.load(std::memory_order_relaxed) < 0) {
        watching_locks.store(hooks::watches_locks() ? 1 : 0, std::memory_order_relaxed);
        return note_taken(lock);
    }
    watch_this_loop();
    TaskState* const state = need_task_state();
    if (!state || !make_room(*state)) return;
    state->held[state->held_count++] = {lock, false};
}

void note_given_back_slowly(const void* lock) noexcept {
    TaskState* const state = task_state();
    if (!state) return;
    for (unsigned i = state->held_count; i-- > 0;) {
        if (state->held[i].lock != lock) continue;
        for (--state->held_count; i < state->held_count; ++i) state->held[i] = state->held[i + 1];
        return;
    }
}

}  // namespace coir_legacy
