// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "../support/system.hpp"

// The smallest scheduler one can write over fcontext: the limit line for coir's switches.
//
// An intrusive FIFO, direct switches from task to task, pooled stacks, control blocks at the top of
// the stacks. There is no cancellation, no exception state, no timer, no result: it is a floor to
// measure against, not a design.
//
// Two things matter as soon as there are more tasks than fit into the nearest caches, and make the
// tuned variant differ from the plain one:
// * Stacks whose tops are equally aligned compete for a few cache sets. So the tops are staggered.
// * The next task's control block and stack are known one switch ahead. So they are prefetched.
//
//   Pooled --spawn--> Ready --switch--> Running --yield--> Ready
//                       ^                  |`--join, get--> Parked --exit, set--> Ready
//                       `------------------'--return--> Done --join--> Pooled
namespace coir_bench::minsched {

struct Task {
  boost::context::detail::fcontext_t context = nullptr;  // while not running
  Task* next = nullptr;                                  // in the ready queue or the pool
  Task* joiner = nullptr;
  bool done = false;
  void* body = nullptr;
  void* const scheduler;  // the entry of a task needs it
  std::byte* const stack_top;

  Task(void* owner, std::byte* top) : scheduler(owner), stack_top(top) {}
};

template <bool kTuned>
class Scheduler {
 public:
  static constexpr std::size_t kStackBytes = 64 * 1024;

  // Maps all stacks at once. The caller of the constructor becomes the first task.
  explicit Scheduler(std::size_t stack_count) : slab_bytes_(stack_count * kStackBytes) {
    slab_ = ::mmap(nullptr, slab_bytes_, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slab_ == MAP_FAILED) throw_errno("mmap of the stacks");
    // Huge pages would make every stack resident and measure something else.
    ::madvise(slab_, slab_bytes_, MADV_NOHUGEPAGE);
    for (std::size_t index = stack_count; index-- > 0;) {
      std::byte* const end = static_cast<std::byte*>(slab_) + (index + 1) * kStackBytes;
      const std::size_t colour_bytes = kTuned ? index % kColours * kControlBytes : 0;
      std::byte* const block = end - colour_bytes - kControlBytes;
      pool_push(new (block) Task(this, block));
    }
  }
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler() { ::munmap(slab_, slab_bytes_); }

  // `body` is called as body() on the new task and must live until it is joined.
  template <class Body>
  Task* spawn(Body& body) {
    Task* const task = pool_;
    pool_ = task->next;
    task->body = &body;
    task->joiner = nullptr;
    task->done = false;
    task->context = boost::context::detail::make_fcontext(
        task->stack_top, kStackBytes - kColours * kControlBytes, &Scheduler::enter<Body>);
    make_ready(task);
    return task;
  }

  // Waits until `task` is done and gives its stack back. Must be called once for each task.
  void join(Task* task) {
    if (!task->done) {
      task->joiner = current_;
      park();
    }
    pool_push(task);
  }

  void yield() {
    Task* const next = head_;
    if (next == nullptr) return;
    Task* const self = current_;
    self->next = nullptr;
    tail_->next = self;
    tail_ = self;
    head_ = next->next;
    prefetch_head();
    switch_to(next);
  }

  // Suspends the current task until somebody makes it ready. Deadlock aborts.
  void park() {
    Task* const next = head_;
    if (next == nullptr) std::abort();
    head_ = next->next;
    if (head_ != nullptr) prefetch_head();
    switch_to(next);
  }

  void make_ready(Task* task) {
    task->next = nullptr;
    if (head_ == nullptr) {
      head_ = task;
    } else {
      tail_->next = task;
    }
    tail_ = task;
  }

  Task* current() const { return current_; }

 private:
  static constexpr std::size_t kControlBytes = 64;
  static_assert(sizeof(Task) <= kControlBytes);
  // Some 3 KiB, so that a shallow task still touches a single page.
  static constexpr std::size_t kColours = 40;

  // REQUIRES: head_ is not null. Its control block was prefetched one switch ago.
  void prefetch_head() const {
    if constexpr (kTuned) {
      __builtin_prefetch(head_->context);
      __builtin_prefetch(head_->next);
    }
  }

  // Each switch carries the task it leaves, and the task it reaches stores where that one stopped.
  void switch_to(Task* next) {
    Task* const self = current_;
    current_ = next;
    const auto arrived = boost::context::detail::jump_fcontext(next->context, self);
    static_cast<Task*>(arrived.data)->context = arrived.fctx;
  }

  template <class Body>
  static void enter(boost::context::detail::transfer_t arrived) {
    Task* const left = static_cast<Task*>(arrived.data);
    left->context = arrived.fctx;
    Scheduler& scheduler = *static_cast<Scheduler*>(left->scheduler);
    Task* const self = scheduler.current_;
    (*static_cast<Body*>(self->body))();
    self->done = true;
    if (self->joiner != nullptr) scheduler.make_ready(self->joiner);
    scheduler.park();
    std::abort();
  }

  void pool_push(Task* task) {
    task->next = pool_;
    pool_ = task;
  }

  Task* head_ = nullptr;
  Task* tail_ = nullptr;  // valid while head_ is not null
  Task main_{this, nullptr};
  Task* current_ = &main_;
  Task* pool_ = nullptr;
  void* slab_ = nullptr;
  const std::size_t slab_bytes_;
};

// A value which one task sets and one task takes, over and over.
template <class Scheduler>
class Future {
 public:
  explicit Future(Scheduler& scheduler) : scheduler_(scheduler) {}

  void set(int value) {
    value_ = value;
    ready_ = true;
    if (waiter_ != nullptr) {
      scheduler_.make_ready(waiter_);
      waiter_ = nullptr;
    }
  }

  int take() {
    if (!ready_) {
      waiter_ = scheduler_.current();
      scheduler_.park();
    }
    ready_ = false;
    return value_;
  }

 private:
  Scheduler& scheduler_;
  Task* waiter_ = nullptr;
  int value_ = 0;
  bool ready_ = false;
};

}  // namespace coir_bench::minsched
