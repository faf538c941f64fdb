// SPDX-License-Identifier: BSL-1.0
// pthread_join and its kind in a task: at once when the thread has ended, else on a pool thread. A
// cancel request does not end the wait.
#include "anywhere.hpp"
#include "acquire.hpp"

#include <pthread.h>
#include <threads.h>

namespace coir_legacy {
namespace {

// What libc would do on this thread, on another one.
template <class Real>
int on_another_thread(Scheduler& loop, pthread_t thread, const char* what, Real&& real_function) {
    // A task cannot outlive its thread: this one would wait for itself.
    if (::pthread_equal(thread, ::pthread_self())) return EDEADLK;
    struct Call {
        Real& real_function;
        int result;
    } call{real_function, 0};
    const auto work = [](void* argument) {
        auto& self = *static_cast<Call*>(argument);
        self.result = self.real_function();
    };
    if (!hooks::run_waiting_job(loop, work, &call, what)) work(&call);
    return call.result;
}

template <class Real>
int join(Scheduler& loop, pthread_t thread, void** result, const char* what, Real&& real_function) {
    const int now = real::pthread_tryjoin_np(thread, result);
    if (now != EBUSY) return now;
    return on_another_thread(loop, thread, what, real_function);
}

}  // namespace
}  // namespace coir_legacy

namespace coir::inline v0::detail::calls::in_task {

using namespace coir_legacy;

int pthread_join(Scheduler& loop, pthread_t thread, void** result) {
    return join(loop, thread, result, "pthread_join",
                [&] { return real::pthread_join(thread, result); });
}

int pthread_tryjoin_np(Scheduler& loop, pthread_t thread, void** result) {
    const int now = real::pthread_tryjoin_np(thread, result);
    if (now == EBUSY) did_not_wait(loop);
    return now;
}

int pthread_timedjoin_np(Scheduler& loop, pthread_t thread, void** result, const timespec* until) {
    return join(loop, thread, result, "pthread_timedjoin_np",
                [&] { return real::pthread_timedjoin_np(thread, result, until); });
}

int pthread_clockjoin_np(Scheduler& loop, pthread_t thread, void** result, clockid_t clock,
                         const timespec* until) {
    return join(loop, thread, result, "pthread_clockjoin_np",
                [&] { return real::pthread_clockjoin_np(thread, result, clock, until); });
}

int thrd_join(Scheduler& loop, thrd_t thread, int* result) {
    const int joined = on_another_thread(loop, thread, "thrd_join",
                                         [&] { return real::thrd_join(thread, result); });
    return joined == EDEADLK ? static_cast<int>(thrd_error) : joined;
}

}  // namespace coir::inline v0::detail::calls::in_task
