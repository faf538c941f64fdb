// SPDX-License-Identifier: BSL-1.0
// See cancel.hpp. Asynchronous cancellation is as late as the other kind: nothing can stop a thread
// while it computes.
#include "cancel.hpp"

#include "cancellation_points.hpp"
#include "exports.hpp"
#include "real.hpp"

#include "../legacy/symbol_types.hpp"

#include <cerrno>
#include <exception>

#include <semaphore.h>
#include <sys/wait.h>

namespace coir_deep {
namespace {

void take_back(Thread& thread) noexcept {
    try {
        if (thread.task.cancelling() > 0) static_cast<void>(thread.task.uncancel());
    } catch (const std::exception&) {
        // It has none, then.
    }
}

int cancel(Thread& thread) noexcept {
    if (!thread.in_use) return ESRCH;
    if (thread.ended || thread.cancel_asked) return 0;
    thread.cancel_asked = true;
    // A task that has not begun would never begin.
    if (thread.begun) pass_cancel_on(thread);
    return 0;
}

int set_state(Thread& self, int state, int* before) {
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE) return EINVAL;
    if (before) *before = self.cancel_disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
    const bool disabled = state == PTHREAD_CANCEL_DISABLE;
    if (disabled == self.cancel_disabled) return 0;
    self.cancel_disabled = disabled;
    if (!self.cancel_asked) return 0;
    if (disabled) {
        take_back(self);
    } else {
        pass_cancel_on(self);
    }
    return 0;
}

}  // namespace

void act_on_cancel(Thread& self) {
    self.cancel_asked = false;
    self.cancel_disabled = true;  // what clean-up functions call is not cancelled
    take_back(self);
    ::pthread_exit(PTHREAD_CANCELED);
}

void pass_cancel_on(Thread& thread) noexcept {
    if (!thread.cancel_asked || thread.cancel_disabled) return;
    try {
        static_cast<void>(thread.task.cancel());
    } catch (const std::exception&) {
        // It is cancelled at its next call, then.
    }
}

}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_cancel, int, (pthread_t handle)) {
    Thread* const thread = thread_of(handle);
    static constinit Behind<decltype(::pthread_cancel)> real("pthread_cancel");
    return thread ? cancel(*thread) : real(handle);
}

COIR_DEEP_EXPORT(pthread_setcancelstate, int, (int state, int* before)) {
    Thread* const self = this_thread();
    static constinit Behind<decltype(::pthread_setcancelstate)> real("pthread_setcancelstate");
    return self ? set_state(*self, state, before) : real(state, before);
}

COIR_DEEP_EXPORT(pthread_testcancel, void, ()) {
    if (this_thread()) return cancellation_point();
    static constinit Behind<decltype(::pthread_testcancel)> real("pthread_testcancel");
    real();
}

#define COIR_DEEP_GIVING_POINT(symbol, category, number, result, parameters, arguments) \
    COIR_DEEP_EXPORT(symbol, result, parameters) {                                      \
        static constinit Behind<result parameters> real(#symbol);                       \
        cancellation_point();                                                           \
        const result given = real arguments;                                            \
        if (given == static_cast<result>(-1)) cancellation_point();                     \
        return given;                                                                   \
    }
COIR_DEEP_GIVING_POINTS(COIR_DEEP_GIVING_POINT)

#define COIR_DEEP_SLEEP(symbol, category, number, result, parameters, arguments) \
    COIR_DEEP_EXPORT(symbol, result, parameters) {                               \
        static constinit Behind<result parameters> real(#symbol);                \
        cancellation_point();                                                    \
        const result given = real arguments;                                     \
        cancellation_point();                                                    \
        return given;                                                            \
    }
COIR_DEEP_SLEEPS(COIR_DEEP_SLEEP)
