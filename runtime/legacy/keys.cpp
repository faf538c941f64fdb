// SPDX-License-Identifier: BSL-1.0
// pthread keys and tss: their values are the task's. The keys themselves are libc's; outside tasks,
// so are the values. Destructors run at the task's end, on its fiber.
#include "anywhere.hpp"
#include "task_state.hpp"

#include <coir/detail/futex_lock.hpp>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <pthread.h>
#include <threads.h>

namespace coir_legacy {
namespace {

// A key's number is used again for another key: values remember of which one they are.
struct Key {
    std::atomic<unsigned> generation{0};  // even: there is no such key
    std::atomic<void (*)(void*)> destructor{nullptr};
};
constinit Key keys[PTHREAD_KEYS_MAX];

void note_created(unsigned number, void (*destructor)(void*)) noexcept {
    if (number >= PTHREAD_KEYS_MAX) return;
    keys[number].destructor.store(destructor, std::memory_order_relaxed);
    keys[number].generation.fetch_add(1, std::memory_order_release);
}
void note_deleted(unsigned number) noexcept {
    if (number >= PTHREAD_KEYS_MAX) return;
    const unsigned now = keys[number].generation.load(std::memory_order_relaxed);
    if (now % 2 == 1) keys[number].generation.store(now + 1, std::memory_order_release);
}

unsigned generation_of(unsigned number) noexcept {
    return keys[number].generation.load(std::memory_order_acquire);
}

bool make_room(TaskState& state, unsigned number) noexcept {
    if (number < state.value_count) return true;
    const unsigned count = number + 8;
    void* memory = std::realloc(state.values, count * sizeof(KeyValue));
    if (!memory) return false;
    state.values = static_cast<KeyValue*>(memory);
    std::memset(state.values + state.value_count, 0, (count - state.value_count) * sizeof(KeyValue));
    state.value_count = count;
    return true;
}

// Otherwise it was made where the wrappers do not reach, and has its values there, too.
bool is_known(unsigned number) noexcept {
    return number < PTHREAD_KEYS_MAX && generation_of(number) % 2 == 1;
}

void* get(unsigned number) noexcept {
    const TaskState* const state = task_state();
    if (!state || number >= state->value_count) return nullptr;
    const KeyValue& value = state->values[number];
    return value.value && value.generation == generation_of(number) ? value.value : nullptr;
}

int set(unsigned number, const void* value) noexcept {
    const unsigned generation = generation_of(number);
    TaskState* state = task_state();
    if (!value && (!state || number >= state->value_count)) return 0;  // it is so already
    if (!state) state = need_task_state();
    if (!state || !make_room(*state, number)) return ENOMEM;
    state->values[number] = {generation, const_cast<void*>(value)};
    return 0;
}

}  // namespace

bool run_key_destructors(TaskState& state) {
    bool any = false;
    // The values may move, when a destructor sets others.
    for (unsigned number = 0; number < state.value_count; ++number) {
        const KeyValue value = state.values[number];
        if (!value.value) continue;
        state.values[number].value = nullptr;
        if (value.generation != generation_of(number)) continue;
        auto* const destructor = keys[number].destructor.load(std::memory_order_relaxed);
        if (!destructor) continue;
        any = true;
        destructor(value.value);
    }
    return any;
}

namespace anywhere {

int pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
    const int result = real::pthread_key_create(key, destructor);
    if (result == 0) note_created(*key, destructor);
    return result;
}

int pthread_key_delete(pthread_key_t key) {
    note_deleted(key);
    return real::pthread_key_delete(key);
}

int tss_create(tss_t* key, void (*destructor)(void*)) {
    const int result = real::tss_create(key, destructor);
    if (result == thrd_success) note_created(*key, destructor);
    return result;
}

void tss_delete(tss_t key) {
    note_deleted(key);
    real::tss_delete(key);
}

}  // namespace anywhere
}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

void* pthread_getspecific(Scheduler&, pthread_key_t key) {
    return is_known(key) ? get(key) : real::pthread_getspecific(key);
}

int pthread_setspecific(Scheduler&, pthread_key_t key, const void* value) {
    return is_known(key) ? set(key, value) : real::pthread_setspecific(key, value);
}

void* tss_get(Scheduler&, tss_t key) { return is_known(key) ? get(key) : real::tss_get(key); }

int tss_set(Scheduler&, tss_t key, void* value) {
    if (!is_known(key)) return real::tss_set(key, value);
    const int error = set(key, value);
    return error == 0 ? thrd_success : error == ENOMEM ? thrd_nomem : thrd_error;
}

}  // namespace coir::inline v0::detail::calls::in_task
