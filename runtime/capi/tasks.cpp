// SPDX-License-Identifier: BSL-1.0
// Tasks, sleeping, timeouts, waiting for a descriptor, threads. A coir_task is the task's state, with
// a reference that the handle holds.
#include "capi.hpp"

#include "../legacy_hooks.hpp"

#include <coir/await.hpp>
#include <coir/sync.hpp>
#include <coir/thread.hpp>

#include <poll.h>

namespace capi = coir::detail::capi;
namespace legacy = coir::detail::legacy;
using coir::detail::Outcome;
using coir::detail::TaskBase;

namespace {

TaskBase* state_of(coir_task* task) noexcept { return reinterpret_cast<TaskBase*>(task); }

// Whether the calling thread may use it.
bool is_here(const TaskBase& task) noexcept { return task.scheduler().usable_here(); }

// An event that the end of a task sets.
struct Ended : coir::detail::Waiter {
    Ended() noexcept : Waiter(nullptr) {
        notify = [](Waiter& self) noexcept { static_cast<Ended&>(self).event.set(); };
    }
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;
    ~Ended() { unlink(); }  // harmless when it is not linked
    coir::Event event;
};

int result_of(TaskBase& task) noexcept {
    task.mark_retrieved();
    if (task.outcome() == Outcome::value) return COIR_RETURNED;
    if (task.outcome() == Outcome::cancelled) return COIR_NEVER_RAN;
    try {
        std::rethrow_exception(task.error());
    } catch (...) {
        errno = capi::error_of_current();
    }
    return COIR_THREW;
}

// Whether a request to the current task waits to be delivered.
bool cancel_pending() noexcept {
    const TaskBase* self = coir::detail::current_task_state();
    return self && self->cancel_pending() && !self->masked();
}

}  // namespace

namespace coir::inline v0::detail::capi {

bool read_attributes(const coir_attr* attr, TaskOptions& options) {
    if (!attr) return true;
    if (attr->size < sizeof *attr) return false;
    if (attr->name) options.name = attr->name;
    options.stack_size = attr->stack_size;
    return true;
}

}  // namespace coir::inline v0::detail::capi

extern "C" {

coir_task* coir_spawn(void (*fn)(void*), void* arg, const coir_attr* attr) {
    coir_task* handle = nullptr;
    if (!fn) {
        errno = EINVAL;
        return nullptr;
    }
    capi::guard([&] {
        coir::TaskOptions options;
        if (!capi::read_attributes(attr, options)) throw std::invalid_argument("coir_attr");
        const auto task = coir::create_task(options, capi::Body{fn, arg});
        TaskBase& state = task.state();
        state.add_ref();
        handle = reinterpret_cast<coir_task*>(&state);
    });
    return handle;
}

int coir_join(coir_task* task, int64_t timeout_ns) {
    if (!task) return capi::fail(EINVAL);
    TaskBase& state = *state_of(task);
    if (!is_here(state)) return capi::fail(EPERM);
    if (&state == coir::detail::current_task_state()) return capi::fail(EDEADLK);
    if (!state.done()) {
        Ended ended;
        state.add_waiter(ended);
        if (capi::wait(timeout_ns, [&] { ended.event.wait(); }) < 0) return -1;
    }
    const int result = result_of(state);
    const int error = errno;
    state.drop_ref();
    errno = error;
    return result;
}

int coir_detach(coir_task* task) {
    if (!task) return capi::fail(EINVAL);
    state_of(task)->drop_ref();
    return 0;
}

int coir_cancel(coir_task* task) {
    if (!task) return capi::fail(EINVAL);
    TaskBase& state = *state_of(task);
    if (!is_here(state)) return capi::fail(EPERM);
    bool asked = false;
    if (capi::guard([&] { asked = state.cancel({}); }) < 0) return -1;
    return asked ? 0 : capi::fail(ESRCH);
}

coir_task* coir_self(void) {
    return reinterpret_cast<coir_task*>(coir::detail::current_task_state());
}

int coir_in_task(void) { return coir::detail::current_task_state() ? 1 : 0; }

int coir_yield(void) {
    return capi::wait(-1, [] { coir::yield_now(); });
}

int coir_sleep_ns(int64_t ns) {
    return capi::wait(-1, [&] { coir::sleep(coir::Nanoseconds(ns < 0 ? 0 : ns)); });
}

int coir_with_timeout(int64_t ns, void (*fn)(void*), void* arg) {
    if (!fn) return capi::fail(EINVAL);
    bool expired = false;
    const int done = capi::wait(-1, [&] {
        if (ns < 0) return fn(arg);
        // What fn waits for says ECANCELED, and fn returns: so the scope is left by a return.
        coir::with_timeout(coir::Nanoseconds(ns), [&](coir::Timeout& scope) {
            fn(arg);
            expired = scope.expired();
        });
    });
    if (done < 0) return -1;
    if (cancel_pending()) return capi::fail(ECANCELED);
    return expired ? capi::fail(ETIMEDOUT) : 0;
}

int coir_wait_fd(int fd, short events, int64_t timeout_ns) {
    if (events == 0) return capi::fail(EINVAL);
    const TaskBase* self = coir::detail::current_task_state();
    if (!self) return capi::fail(EPERM);
    coir::detail::Scheduler& loop = self->scheduler();
    legacy::WaitOperation operation;
    operation.code = coir::OpCode::poll;
    operation.fd = fd;
    operation.flags = static_cast<unsigned short>(events);
    const coir::TimePoint deadline =
        timeout_ns < 0 ? coir::never
                       : coir::saturating_add(loop.now(), coir::Nanoseconds(timeout_ns));
    if (legacy::cancel_asked(loop)) return capi::fail(ECANCELED);
    if (loop.reactor().try_now(operation)) {
        loop.spend_credit();
    } else {
        switch (legacy::wait_any(loop, &operation, 1, deadline, "coir_wait_fd")) {
            case legacy::Woken::event: break;
            case legacy::Woken::timeout: return capi::fail(ETIMEDOUT);
            case legacy::Woken::cancelled: return capi::fail(ECANCELED);
            case legacy::Woken::closed: return capi::fail(EBADF);
            case legacy::Woken::no_memory: return capi::fail(ENOMEM);
            case legacy::Woken::interrupted: return capi::fail(EINTR);
        }
    }
    if (operation.result < 0) return capi::fail(-operation.result);
    if ((operation.result & POLLNVAL) != 0) return capi::fail(EBADF);
    return operation.result;
}

int coir_to_thread(void (*fn)(void*), void* arg) {
    if (!fn) return capi::fail(EINVAL);
    return capi::wait(-1, [&] { coir::to_thread(fn, arg); });
}

}  // extern "C"
