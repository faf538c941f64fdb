// SPDX-License-Identifier: BSL-1.0
// See interrupted_waits.hpp.
#include "interrupted_waits.hpp"

#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace legacy {
namespace {

unsigned count_of(const unsigned& count) noexcept {
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

constexpr std::uint64_t bit(unsigned number) noexcept { return std::uint64_t{1} << (number % 64); }

}  // namespace

// Of a kernel thread, whatever TLS block its tasks run on.
struct HandlerState {
    HandlerCounts ran;
    unsigned dealt_with = 0;  // how many of `ran.all` have ended the wait they end, if any
    // The waits of this thread's tasks that handlers can end, the oldest first.
    InterruptibleWait* first = nullptr;
    InterruptibleWait* last = nullptr;
    // The task that they are for, and the signals that it blocks; 0: any.
    std::uint64_t preferred = 0;
    const std::uint64_t* blocked = nullptr;
    std::uint64_t passed_by = 0;  // the handlers, by their numbers, that it did block

    void push(InterruptibleWait& wait) noexcept {
        wait.began_ = {count_of(ran.all), count_of(ran.interrupting)};
        wait.older_ = last;
        (last ? last->newer_ : first) = &wait;
        last = &wait;
    }
    void remove(InterruptibleWait& wait) noexcept {
        (wait.older_ ? wait.older_->newer_ : first) = wait.newer_;
        (wait.newer_ ? wait.newer_->older_ : last) = wait.older_;
    }
    // For handlers.
    void count(bool restarts, int signo) noexcept {
        const unsigned nth = count_of(ran.all) + 1;
        const bool passes_by = preferred != 0 && (*blocked & bit(static_cast<unsigned>(signo - 1))) != 0;
        const std::uint64_t others = __atomic_load_n(&passed_by, __ATOMIC_RELAXED) & ~bit(nth);
        __atomic_store_n(&passed_by, others | (passes_by ? bit(nth) : 0), __ATOMIC_RELAXED);
        __atomic_store_n(&ran.all, nth, __ATOMIC_RELAXED);
        if (restarts) return;
        __atomic_store_n(&ran.interrupting, count_of(ran.interrupting) + 1, __ATOMIC_RELAXED);
    }
    // By the nth handler that ran on this thread. (The counts wrap.)
    bool ended_by(unsigned nth, const InterruptibleWait& wait) const noexcept {
        if (static_cast<int>(nth - wait.began_.all) <= 0) return false;
        if (preferred != 0 && wait.task_->id() != preferred &&
            (__atomic_load_n(&passed_by, __ATOMIC_RELAXED) & bit(nth)) == 0) {
            return false;
        }
        if (wait.which_ != Interruptible::restarts) return true;
        return wait.began_.interrupting != count_of(ran.interrupting);
    }
    // Those that wait for nothing but signals come first.
    bool interrupt_oldest(unsigned nth, bool pauses) noexcept {
        for (InterruptibleWait* wait = first; wait; wait = wait->newer_) {
            if ((wait->which_ == Interruptible::pauses) == pauses && ended_by(nth, *wait) &&
                wait->interrupt(*wait)) {
                return true;
            }
        }
        return false;
    }
    void interrupt_that_of(std::uint64_t task, bool restarts) noexcept {
        if (dealt_with != count_of(ran.all)) ++dealt_with;
        for (InterruptibleWait* wait = first; wait; wait = wait->newer_) {
            if (wait->task_->id() != task) continue;
            if (restarts && wait->which_ == Interruptible::restarts) return;
            if (wait->interrupt(*wait)) return;
        }
    }
    void interrupt_all_that_are_due() noexcept {
        const unsigned now = count_of(ran.all);
        // What ran before the oldest of these waits began ends none: of an earlier loop, say.
        const unsigned before = first ? first->began_.all : now;
        if (static_cast<int>(before - dealt_with) > 0) dealt_with = before;
        while (dealt_with != now) {
            const unsigned nth = ++dealt_with;
            if (!interrupt_oldest(nth, true)) interrupt_oldest(nth, false);
        }
    }
};

namespace {

[[gnu::tls_model("initial-exec")]] constinit thread_local HandlerState own_handlers;
[[gnu::tls_model("initial-exec")]] constinit thread_local HandlerState* shared_handlers = nullptr;

HandlerState& handlers() noexcept { return shared_handlers ? *shared_handlers : own_handlers; }

}  // namespace

void InterruptibleWait::expect_handlers(TaskBase& task, Interruptible which) noexcept {
    which_ = which;
    if (which == Interruptible::never) return;
    task_ = &task;
    handlers().push(*this);
}

void InterruptibleWait::expect_no_handlers() noexcept {
    if (which_ != Interruptible::never) handlers().remove(*this);
}

void* handlers_here() noexcept { return &handlers(); }

void share_handlers(void* state) noexcept { shared_handlers = static_cast<HandlerState*>(state); }

void handler_ran(bool restarts, int signo) noexcept {
    HandlerState& here = handlers();
    here.count(restarts, signo);
    if (running_here && __atomic_load_n(&here.first, __ATOMIC_RELAXED)) {
        running_here->signal_arrived();
    }
}

void handler_was_for(std::uint64_t task, bool restarts) noexcept {
    handlers().interrupt_that_of(task, restarts);
}

void handlers_are_for(std::uint64_t task, const std::uint64_t* blocked) noexcept {
    HandlerState& here = handlers();
    here.blocked = blocked;
    here.preferred = task;
}

void interrupt_waits() noexcept { handlers().interrupt_all_that_are_due(); }

}  // namespace legacy
}  // namespace detail
}  // namespace v0
}  // namespace coir
