// SPDX-License-Identifier: BSL-1.0
// mtx_*, cnd_*: glibc's are the pthread ones by other names, with results of their own.
#include "anywhere.hpp"
#include "condition.hpp"
#include "mutex.hpp"

#include <threads.h>

namespace coir_legacy {
namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

pthread_mutex_t* as_mutex(mtx_t* mutex) noexcept { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* as_condition(cnd_t* condition) noexcept {
    return reinterpret_cast<pthread_cond_t*>(condition);
}

int to_c11(int error) noexcept {
    switch (error) {
        case 0: return thrd_success;
        case ENOMEM: return thrd_nomem;
        case ETIMEDOUT: return thrd_timedout;
        case EBUSY: return thrd_busy;
        default: return thrd_error;
    }
}

}  // namespace

namespace anywhere {

int mtx_unlock(mtx_t* mutex) { return to_c11(unlock_mutex(as_mutex(mutex))); }

int cnd_wait(cnd_t* condition, mtx_t* mutex) {
    if (Scheduler* loop = suspendable_by_locks()) {
        return to_c11(wait_for_signal(*loop, as_condition(condition), as_mutex(mutex), {}, "cnd_wait"));
    }
    const ReleasesUnseen unseen(mutex);
    return real::cnd_wait(condition, mutex);
}

int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
    if (Scheduler* loop = suspendable_by_locks()) {
        return to_c11(wait_for_signal(*loop, as_condition(condition), as_mutex(mutex),
                                      {CLOCK_REALTIME, until}, "cnd_timedwait"));
    }
    const ReleasesUnseen unseen(mutex);
    return real::cnd_timedwait(condition, mutex, until);
}

int cnd_signal(cnd_t* condition) {
    return signal_task(as_condition(condition)) ? thrd_success : real::cnd_signal(condition);
}

int cnd_broadcast(cnd_t* condition) {
    signal_all_tasks(as_condition(condition));
    return real::cnd_broadcast(condition);
}

}  // namespace anywhere
}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int mtx_lock(Scheduler& loop, mtx_t* mutex) {
    return to_c11(lock_mutex(loop, as_mutex(mutex), {}, "mtx_lock"));
}

int mtx_timedlock(Scheduler& loop, mtx_t* mutex, const timespec* until) {
    return to_c11(lock_mutex(loop, as_mutex(mutex), {CLOCK_REALTIME, until}, "mtx_timedlock"));
}

int mtx_trylock(Scheduler& loop, mtx_t* mutex) {
    return to_c11(try_lock_mutex(loop, as_mutex(mutex)));
}

}  // namespace coir::inline v0::detail::calls::in_task
