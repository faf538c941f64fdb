// SPDX-License-Identifier: BSL-1.0
// pthread_spin_lock: nobody tells when a spin lock is released, so the task gives its turn away
// between two looks, and after a while sleeps: the holder may be a task that does.
#include "acquire.hpp"
#include "anywhere.hpp"

#include <pthread.h>

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int pthread_spin_lock(Scheduler& loop, pthread_spinlock_t* lock) {
    constexpr int turns = 100;
    for (int tried = 0;; ++tried) {
        const int result = real::pthread_spin_trylock(lock);
        if (result != EBUSY) return result;
        if (tried < turns) {
            hooks::yield(loop);
        } else {
            hooks::wait_any(loop, nullptr, 0,
                            hooks::sys(loop).now() + std::chrono::milliseconds(1), "pthread_spin_lock");
            hooks::yield(loop);  // a cancelled task is not let sleep
        }
    }
}

int pthread_spin_trylock(Scheduler& loop, pthread_spinlock_t* lock) {
    const int result = real::pthread_spin_trylock(lock);
    if (result == EBUSY) did_not_wait(loop);
    return result;
}

}  // namespace coir::inline v0::detail::calls::in_task
