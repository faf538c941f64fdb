// SPDX-License-Identifier: BSL-1.0
// pthread_rwlock_*: only the functions that do not wait are used in tasks, because libc takes the
// thread for the writer, and tells every task of it that it would wait for itself.
#include "acquire.hpp"
#include "anywhere.hpp"
#include "held_locks.hpp"
#include "owned_locks.hpp"

#include <pthread.h>

namespace coir_legacy {
namespace {

// What a waiter wants.
constexpr unsigned reading = 1;
constexpr unsigned writing = 2;

pthread_rwlock_t* lock_of(const Wanted& wanted) noexcept {
    return static_cast<pthread_rwlock_t*>(const_cast<void*>(wanted.lock));
}
int try_to_read(const Wanted& wanted) noexcept { return real::pthread_rwlock_tryrdlock(lock_of(wanted)); }
int try_to_write(const Wanted& wanted) noexcept {
    return real::pthread_rwlock_trywrlock(lock_of(wanted));
}

// The lock is the current task's.
void note(pthread_rwlock_t* rwlock, unsigned how) noexcept {
    note_taken(rwlock);
    if (how == writing) note_owner(rwlock);
}

int lock(Scheduler& loop, pthread_rwlock_t* rwlock, unsigned how, const Until& until,
         const char* what) noexcept {
    if (const int error = until.check()) return error;
    Wanted wanted{rwlock, how == reading ? &try_to_read : &try_to_write, what, until, how};
    wanted.unseen = rwlock->__data.__shared != 0;
    int result = wanted.attempt(wanted);
    if (result == EBUSY) result = is_owner(rwlock) ? EDEADLK : acquire(loop, wanted);
    if (result == 0) note(rwlock, how);
    return result;
}

int try_lock(Scheduler& loop, pthread_rwlock_t* rwlock, unsigned how, int result) noexcept {
    if (result == EBUSY) did_not_wait(loop);
    if (result == 0) note(rwlock, how);
    return result;
}

}  // namespace

int anywhere::pthread_rwlock_unlock(pthread_rwlock_t* rwlock) {
    note_given_back(rwlock);
    forget_owner(rwlock);
    const int result = real::pthread_rwlock_unlock(rwlock);
    wake_sharing(rwlock, reading);
    return result;
}

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int pthread_rwlock_rdlock(Scheduler& loop, pthread_rwlock_t* rwlock) {
    return lock(loop, rwlock, reading, {}, "pthread_rwlock_rdlock");
}
int pthread_rwlock_timedrdlock(Scheduler& loop, pthread_rwlock_t* rwlock, const timespec* until) {
    return lock(loop, rwlock, reading, {CLOCK_REALTIME, until}, "pthread_rwlock_timedrdlock");
}
int pthread_rwlock_clockrdlock(Scheduler& loop, pthread_rwlock_t* rwlock, clockid_t clock,
                               const timespec* until) {
    return lock(loop, rwlock, reading, {clock, until}, "pthread_rwlock_clockrdlock");
}
int pthread_rwlock_tryrdlock(Scheduler& loop, pthread_rwlock_t* rwlock) {
    return try_lock(loop, rwlock, reading, real::pthread_rwlock_tryrdlock(rwlock));
}
int pthread_rwlock_wrlock(Scheduler& loop, pthread_rwlock_t* rwlock) {
    return lock(loop, rwlock, writing, {}, "pthread_rwlock_wrlock");
}
int pthread_rwlock_timedwrlock(Scheduler& loop, pthread_rwlock_t* rwlock, const timespec* until) {
    return lock(loop, rwlock, writing, {CLOCK_REALTIME, until}, "pthread_rwlock_timedwrlock");
}
int pthread_rwlock_clockwrlock(Scheduler& loop, pthread_rwlock_t* rwlock, clockid_t clock,
                               const timespec* until) {
    return lock(loop, rwlock, writing, {clock, until}, "pthread_rwlock_clockwrlock");
}
int pthread_rwlock_trywrlock(Scheduler& loop, pthread_rwlock_t* rwlock) {
    return try_lock(loop, rwlock, writing, real::pthread_rwlock_trywrlock(rwlock));
}

}  // namespace coir::inline v0::detail::calls::in_task
