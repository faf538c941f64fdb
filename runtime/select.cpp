// SPDX-License-Identifier: BSL-1.0
// select: one task in the queues of several channels. The first that is served leaves the others.
#include <coir/select.hpp>

#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

namespace {

// Those that are ready: how many, or the n-th.
std::size_t count_ready(SelectCase* const* cases, std::size_t count) {
    std::size_t ready = 0;
    for (std::size_t i = 0; i < count; ++i) ready += cases[i]->ready() ? 1 : 0;
    return ready;
}

std::size_t find_ready(SelectCase* const* cases, std::size_t n) {
    std::size_t i = 0;
    while (!cases[i]->ready() || n-- > 0) ++i;
    return i;
}

// Takes all cases off their queues, however the wait ends.
struct Withdrawal {
    Withdrawal(SelectCase* const* all, std::size_t n) noexcept : cases(all), count(n) {}
    Withdrawal(const Withdrawal&) = delete;
    Withdrawal& operator=(const Withdrawal&) = delete;
    ~Withdrawal() {
        for (std::size_t i = 0; i < count; ++i) cases[i]->withdraw();
    }
    SelectCase* const* cases;
    std::size_t count;
};

std::size_t wait_for_one(TaskBase& self, SelectCase* const* cases, std::size_t count) {
    Withdrawal withdrawal(cases, count);
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) cases[i]->node.join_ring(cases[0]->node);
        cases[i]->enqueue(self);
    }
    cases[0]->node.suspend();
    std::size_t i = 0;
    while (cases[i]->node.outcome == WaitOutcome::passed_over) ++i;
    return i;
}

}  // namespace

SelectCase::~SelectCase() = default;

std::size_t select_one(SelectCase* const* cases, std::size_t count) {
    TaskBase& self = enter_suspension_point("select");
    std::size_t chosen = 0;
    if (const std::size_t ready = count_ready(cases, count)) {
        chosen = find_ready(cases, ready > 1 ? self.scheduler().draw(ready) : 0);
        cases[chosen]->carry_out();
    } else {
        while (chosen < count && !cases[chosen]->is_fallback()) ++chosen;
        if (chosen == count) return wait_for_one(self, cases, count);
    }
    leave_without_suspending(self);
    return chosen;
}

TimerCase::TimerCase(Nanoseconds limit) noexcept : limit_(limit) {
    timer_.owner = this;
    timer_.TimerNode::fire = &TimerCase::fire;
}

TimerCase::~TimerCase() = default;

void TimerCase::enqueue(TaskBase& self) {
    node.prepare(self, "select");
    const TimePoint when = saturating_add(self.scheduler().now(), limit_);
    if (when != never) self.scheduler().arm(timer_, when);
}

void TimerCase::withdraw() noexcept {
    if (node.task) node.task->scheduler().disarm(timer_);
}

// What becomes ready in the same turn comes first.
void TimerCase::fire(TimerNode& timer) noexcept {
    TimerCase& self = *static_cast<Timer&>(timer).owner;
    if (self.node.outcome != WaitOutcome::waiting) return;
    Scheduler& scheduler = self.node.task->scheduler();
    if (self.due_turn_ == 0) self.due_turn_ = scheduler.turn();
    if (self.due_turn_ != scheduler.turn()) {
        self.node.end(WaitOutcome::handed);
    } else {
        scheduler.arm(timer, scheduler.now());  // in the place that it has just left: no memory
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
