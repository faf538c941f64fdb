// SPDX-License-Identifier: BSL-1.0
// sem_*. A semaphore is where POSIX lets a thread be cancelled: a task that is cancelled while it
// waits leaves with -1 and ECANCELED, and one that a signal handler interrupts with EINTR. sem_post() may be called by signal handlers.
#include "acquire.hpp"
#include "anywhere.hpp"

#include <cstring>

#include <semaphore.h>

namespace coir_legacy {
namespace {

int to_errno(int error) noexcept {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

int try_wait(const Wanted& wanted) noexcept {
    const int saved = errno;
    if (real::sem_trywait(static_cast<sem_t*>(const_cast<void*>(wanted.lock))) == 0) return 0;
    const int error = errno;
    errno = saved;
    return error == EAGAIN ? EBUSY : error;
}

// glibc keeps next to the value whether it may be in use by other processes.
bool is_process_shared(const sem_t* semaphore) noexcept {
    int shared = 0;
    std::memcpy(&shared, reinterpret_cast<const char*>(semaphore) + sizeof(long), sizeof shared);
    return shared != 0;
}

int wait_for(Scheduler& loop, sem_t* semaphore, const Until& until, const char* what) noexcept {
    if (const int error = until.check()) return to_errno(error);
    Wanted wanted{semaphore, &try_wait, what, until};
    if (const int result = try_wait(wanted); result != EBUSY) return to_errno(result);
    if (hooks::cancel_asked(loop)) {
        hooks::yield(loop);  // who tries again and again must not keep the others waiting
        return to_errno(ECANCELED);
    }
    wanted.unseen = is_process_shared(semaphore);
    wanted.cancellable = true;
    // A futex with a time is never restarted by the kernel.
    wanted.interruptible = until.without_end() ? hooks::Interruptible::restarts : hooks::Interruptible::always;
    return to_errno(acquire(loop, wanted));
}

}  // namespace

int anywhere::sem_post(sem_t* semaphore) {
    const int result = real::sem_post(semaphore);
    wake_from_anywhere(semaphore);
    return result;
}

}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int sem_wait(Scheduler& loop, sem_t* semaphore) {
    return wait_for(loop, semaphore, {}, "sem_wait");
}

int sem_timedwait(Scheduler& loop, sem_t* semaphore, const timespec* until) {
    return wait_for(loop, semaphore, {CLOCK_REALTIME, until}, "sem_timedwait");
}

int sem_clockwait(Scheduler& loop, sem_t* semaphore, clockid_t clock, const timespec* until) {
    return wait_for(loop, semaphore, {clock, until}, "sem_clockwait");
}

int sem_trywait(Scheduler& loop, sem_t* semaphore) {
    const int result = real::sem_trywait(semaphore);
    if (result != 0 && errno == EAGAIN) did_not_wait(loop);
    return result;
}

}  // namespace coir::inline v0::detail::calls::in_task
