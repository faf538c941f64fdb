// SPDX-License-Identifier: BSL-1.0
// Mutexes, conditions and events: the C++ ones behind handles, which count who waits.
#include "capi.hpp"

#include <coir/sync.hpp>

#include <mutex>
#include <stdexcept>

namespace capi = coir::detail::capi;

struct coir_mutex {
    coir::Lock lock;
    unsigned waiting = 0;
};
struct coir_cond {
    coir::Condition condition;
    unsigned waiting = 0;
};
struct coir_event {
    coir::Event event;
    unsigned waiting = 0;
};

namespace {

class Waiting {
public:
    explicit Waiting(unsigned& count) noexcept : count_(count) { ++count_; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { --count_; }

private:
    unsigned& count_;
};

// Null is harmless.
template <class T>
int free_unless(bool busy, T* object) noexcept {
    if (busy) return capi::fail(EBUSY);
    delete object;
    return 0;
}

}  // namespace

extern "C" {

coir_mutex* coir_mutex_new(void) { return capi::make<coir_mutex>(); }

int coir_mutex_free(coir_mutex* mutex) {
    return free_unless(mutex && (mutex->waiting > 0 || mutex->lock.locked()), mutex);
}

int coir_mutex_lock(coir_mutex* mutex) {
    if (!mutex) return capi::fail(EINVAL);
    const Waiting waiting(mutex->waiting);
    return capi::wait(-1, [&] { mutex->lock.lock(); });
}

int coir_mutex_trylock(coir_mutex* mutex) {
    if (!mutex) return capi::fail(EINVAL);
    return mutex->lock.try_lock() ? 0 : capi::fail(EBUSY);
}

int coir_mutex_unlock(coir_mutex* mutex) {
    if (!mutex) return capi::fail(EINVAL);
    if (!mutex->lock.locked()) return capi::fail(EPERM);
    return capi::guard([&] { mutex->lock.unlock(); });
}

coir_cond* coir_cond_new(void) { return capi::make<coir_cond>(); }

int coir_cond_free(coir_cond* cond) { return free_unless(cond && cond->waiting > 0, cond); }

int coir_cond_wait(coir_cond* cond, coir_mutex* mutex, int64_t timeout_ns) {
    if (!cond || !mutex) return capi::fail(EINVAL);
    if (!coir::detail::current_task_state() || !mutex->lock.locked()) return capi::fail(EPERM);
    const Waiting waiting(cond->waiting);
    const Waiting waiting_for_mutex(mutex->waiting);
    std::unique_lock<coir::Lock> hold(mutex->lock, std::adopt_lock);
    const int done = capi::wait(timeout_ns, [&] {
        try {
            cond->condition.wait(hold);
        } catch (const coir::InvalidStateError&) {
            throw std::invalid_argument("coir_cond_wait with another mutex");
        }
    });
    static_cast<void>(hold.release());  // the caller's again
    return done;
}

int coir_cond_signal(coir_cond* cond) {
    if (!cond) return capi::fail(EINVAL);
    return capi::guard([&] { cond->condition.notify_one(); });
}

int coir_cond_broadcast(coir_cond* cond) {
    if (!cond) return capi::fail(EINVAL);
    return capi::guard([&] { cond->condition.notify_all(); });
}

coir_event* coir_event_new(void) { return capi::make<coir_event>(); }

int coir_event_free(coir_event* event) { return free_unless(event && event->waiting > 0, event); }

int coir_event_set(coir_event* event) {
    if (!event) return capi::fail(EINVAL);
    return capi::guard([&] { event->event.set(); });
}

int coir_event_clear(coir_event* event) {
    if (!event) return capi::fail(EINVAL);
    event->event.clear();
    return 0;
}

int coir_event_is_set(const coir_event* event) {
    if (!event) return capi::fail(EINVAL);
    return event->event.is_set() ? 1 : 0;
}

int coir_event_wait(coir_event* event, int64_t timeout_ns) {
    if (!event) return capi::fail(EINVAL);
    const Waiting waiting(event->waiting);
    return capi::wait(timeout_ns, [&] { event->event.wait(); });
}

}  // extern "C"
