// SPDX-License-Identifier: BSL-1.0
// fork(): the loops of the parent are dead in the child, until one is rebuilt.
//
//   alive --fork(), in the child--> of the parent --after_fork_in_child()--> alive, and empty
//
// Dead means: no task or callback of the loop runs any more, and calls throw std::logic_error. The
// thread that forked belongs to no loop (`running_here`), a loop to no thread (`bound_to_`), and a
// step that goes on finds no next one: so nothing on the hot paths need know of forks.
#include "debug_table.hpp"
#include "loop_signals.hpp"
#include "scheduler.hpp"
#include "thread_pool.hpp"

#include "../reactors/registry.hpp"

#include <coir/detail/futex_lock.hpp>
#include <coir/error.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

#include <pthread.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// What no thread's errno is at.
constexpr int nobody = 0;

constinit MadeOnce<bool> watching;

// In the child: the loop that the thread which forked was in.
Scheduler* left_behind = nullptr;

void before_fork() noexcept {
    lock_loops();
    lock_signals();
}

void after_fork_in_parent() noexcept {
    unlock_signals();
    unlock_loops();
}

void after_fork_in_the_child() noexcept {
    forget_signals_in_child();
    unlock_signals();
    for_each_loop([](Scheduler& loop) noexcept { loop.left_to_parent(); });
    unlock_loops();
    left_behind = std::exchange(running_here, nullptr);
}

}  // namespace

void watch_forks() {
    watching.get([] {
        if (::pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_the_child) != 0) {
            throw std::bad_alloc();
        }
        return true;
    });
}

bool in_forked_child() noexcept { return left_behind != nullptr; }

void throw_forked(const char* call) {
    throw std::logic_error(std::string("coir: ") + call +
                           " in the child of a fork: its loops are the parent's; let the child exec "
                           "or _exit, or call EventLoop::after_fork_in_child() first");
}

// In the child, before anything else.
void Scheduler::left_to_parent() noexcept {
    of_parent_ = true;
    bound_to_ = &nobody;
    steps_left_ = 0;  // a step that goes on comes to look
}

// The end of a loop in a child that has not rebuilt it: of what it has, nothing is the child's.
void Scheduler::close_of_parent() noexcept {
    closed_ = true;
    unregister_scheduler(*this);
    static_cast<void>(pool_.release());  // its threads are the parent's
    static_cast<void>(resolver_pool_.release());
    static_cast<void>(waiting_pool_.release());
    static_cast<void>(stacks_.release());
    static_cast<void>(fd_watches_.release());
    static_cast<void>(hooks_.release());
    sys_ = &real_sys();
    reactor_->forked_child();
    static_cast<void>(reactor_.release());  // operations of tasks that will never run are in it
}

// Like fork() itself: only who calls goes on. What else there was stays in memory, untouched.
void Scheduler::forget_everything_else() noexcept {
    ready_head_ = handed_over_ = nullptr;
    ready_tail_ = &ready_head_;
    while (timers_.pop_due(never, timers_.sequence())) {
    }
    while (tasks_.pop_front()) {
    }
    while (outside_.pop_front()) {  // their executors' threads are the parent's
    }
    tasks_alive_.set(current_ ? 1 : 0);
    if (current_) tasks_.push_back(*current_);
    if (main_task_ != current_) main_task_ = nullptr;
    in_flight_ = external_jobs_ = 0;
    static_cast<void>(pool_.release());
    static_cast<void>(resolver_pool_.release());
    static_cast<void>(waiting_pool_.release());
    static_cast<void>(fd_watches_.release());
    static_cast<void>(hooks_.release());
    std::destroy_at(&inbox_);
    std::construct_at(&inbox_);
    stop_mark_.queued = leave_ = stop_early_ = false;
    signalled_.store(false);
    interrupt_.store(0);
    if (signals_) signals_->forget();
}

void Scheduler::after_fork_in_child() {
    require_open("after_fork_in_child");
    if (!of_parent_) {
        throw std::logic_error("coir: after_fork_in_child() of a loop that was made in this process");
    }
    if (running_ && left_behind != this) {
        throw std::logic_error("coir: after_fork_in_child() of a loop that ran on another thread");
    }
    ReactorChoice choice = choose_reactor(options_.reactor);
    reactor_->forked_child();
    if (reactor_->world()) static_cast<void>(reactor_.release());  // the stacks refer to its Sys
    take_reactor(std::move(choice.reactor));
    sys_ = reactor_->world() ? reactor_->world() : &real_sys();
    chooser_ = sys_->picks() ? sys_ : nullptr;
    forget_everything_else();
    of_parent_ = false;
    bound_to_ = nullptr;
    if (!running_) return;
    left_behind = nullptr;
    running_here = this;
    reactor_->attach();
    bound_to_ = thread_.error_number;
    inbox_.finish_sleep();
    last_poll_ = now();
    steps_left_ = 1;
}

}  // namespace detail

void EventLoop::after_fork_in_child() { scheduler_->after_fork_in_child(); }

}  // namespace v0
}  // namespace coir
