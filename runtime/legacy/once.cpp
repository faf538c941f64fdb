// SPDX-License-Identifier: BSL-1.0
// pthread_once and call_once: the task that runs the initializer stands in a list, and other tasks
// that come meanwhile wait for it; threads wait in libc. When a thread runs it, tasks wait on a pool
// thread, which runs it itself if the thread is gone (fork).
#include "acquire.hpp"
#include "anywhere.hpp"
#include "fork.hpp"

#include <mutex>

#include <pthread.h>
#include <threads.h>

namespace coir_legacy {
namespace {

// An initializer that a task is running. On its stack.
struct Running : coir::detail::ListLink {
    const void* once = nullptr;
};
constinit std::atomic<std::uint32_t> running_word{0};
constinit coir::detail::IntrusiveList<Running> initializers;

bool is_running_locked(const void* once) noexcept {
    for (Running* each = initializers.front(); each; each = initializers.next(*each)) {
        if (each->once == once) return true;
    }
    return false;
}

bool is_running(const void* once) noexcept {
    const coir::detail::WordLock lock(running_word);
    return is_running_locked(once);
}

// False: another task runs it.
bool begin(Running& entry, const void* once) noexcept {
    const coir::detail::WordLock lock(running_word);
    if (is_running_locked(once)) return false;
    entry.once = once;
    initializers.push_back(entry);
    return true;
}

// Also when the initializer throws.
class Turn {
public:
    explicit Turn(const void* once) noexcept : begun_(begin(entry_, once)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (!begun_) return;
        {
            const coir::detail::WordLock lock(running_word);
            entry_.unlink();
        }
        wake(entry_.once, all);
    }
    bool begun() const noexcept { return begun_; }

private:
    Running entry_;
    bool begun_;
};

// What std::call_once hands to its initializer by variables of the thread: other tasks have set them
// while this one has waited.
class CallableOfThread {
public:
    CallableOfThread() noexcept : callable_(std::__once_callable), call_(std::__once_call) {}
    CallableOfThread(const CallableOfThread&) = delete;
    CallableOfThread& operator=(const CallableOfThread&) = delete;
    ~CallableOfThread() {
        std::__once_callable = callable_;
        std::__once_call = call_;
    }

private:
    void* callable_;
    void (*call_)();
};

void wait_until_it_has_run(Scheduler& loop, const void* once) noexcept {
    const CallableOfThread kept;
    Waiter waiter(once);
    waiter.must_wait = [](Waiter& self) noexcept { return is_running(self.address); };
    static_cast<void>(hooks::park(loop, waiter, coir::never, false, "pthread_once"));
}

// libc's states: 0 has not run, bit 1 has run, else somebody is at it.
bool is_done(const int* state) noexcept { return (__atomic_load_n(state, __ATOMIC_ACQUIRE) & 2) != 0; }
bool is_at_it(const int* state) noexcept {
    const int value = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    return value != 0 && (value & 2) == 0;
}

template <class Real>
void run_once(Scheduler& loop, void* once, Real real_function) {
    const auto* state = static_cast<const int*>(once);
    for (;;) {
        if (is_done(state)) return;
        const Turn turn(once);
        if (!turn.begun()) {
            wait_until_it_has_run(loop, once);
            continue;
        }
        if (is_at_it(state)) {
            const CallableOfThread kept;
            const auto work = [](void* call) { (*static_cast<Real*>(call))(); };
            if (hooks::run_waiting_job(loop, work, &real_function, "pthread_once")) return;
        }
        return real_function();
    }
}

}  // namespace

void lock_initializers() noexcept { coir::detail::lock_word(running_word); }
void unlock_initializers() noexcept { coir::detail::unlock_word(running_word); }
void forget_initializers() noexcept {
    while (initializers.pop_front()) {
    }
}

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int pthread_once(Scheduler& loop, pthread_once_t* once, void (*initialize)()) {
    static_assert(sizeof(pthread_once_t) == sizeof(int));
    int result = 0;
    run_once(loop, once, [&] { result = real::pthread_once(once, initialize); });
    return result;
}

void call_once(Scheduler& loop, once_flag* once, void (*initialize)()) {
    static_assert(sizeof(once_flag) == sizeof(int));
    run_once(loop, once, [&] { real::call_once(once, initialize); });
}

}  // namespace coir::inline v0::detail::calls::in_task
