// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "../cases.hpp"
#include "../measures.hpp"
#include "../support/clock.hpp"

// The limit for timers: a 4-ary heap with the keys inline, a million timers, virtual time.
namespace coir_bench {

namespace {

constexpr std::size_t kTimers = 1'000'000;
constexpr std::int64_t kSpanUs = 1'000'000;  // due times are spread over one virtual second
constexpr std::int64_t kStepUs = 1000;       // and the clock advances in 1000 steps

struct Timer {
  void (*fire)(void*) = nullptr;
  void* argument = nullptr;
  std::uint32_t position = 0;  // in the heap
};

class Heap {
 public:
  struct Entry {
    std::int64_t due;
    Timer* timer;
  };

  void reserve(std::size_t count) { entries_.reserve(count); }
  bool empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }

  void arm(Timer& timer, std::int64_t due) {
    entries_.push_back({due, &timer});
    sift_up(entries_.size() - 1, {due, &timer});
  }

  void cancel(Timer& timer) {
    const std::size_t hole = timer.position;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (hole == entries_.size()) return;
    if (hole > 0 && last.due < entries_[parent(hole)].due) {
      sift_up(hole, last);
    } else {
      sift_down(hole, last);
    }
  }

  // Fires everything due at `now`, in order.
  void fire_due(std::int64_t now) {
    while (!entries_.empty() && entries_.front().due <= now) {
      Timer& timer = *entries_.front().timer;
      const Entry last = entries_.back();
      entries_.pop_back();
      if (!entries_.empty()) sift_down(0, last);
      timer.fire(timer.argument);
    }
  }

 private:
  static constexpr std::size_t kArity = 4;
  static std::size_t parent(std::size_t index) { return (index - 1) / kArity; }

  void place(std::size_t index, const Entry& entry) {
    entries_[index] = entry;
    entry.timer->position = static_cast<std::uint32_t>(index);
  }

  void sift_up(std::size_t hole, const Entry entry) {
    while (hole > 0 && entry.due < entries_[parent(hole)].due) {
      place(hole, entries_[parent(hole)]);
      hole = parent(hole);
    }
    place(hole, entry);
  }

  void sift_down(std::size_t hole, const Entry entry) {
    const std::size_t count = entries_.size();
    for (;;) {
      const std::size_t first = hole * kArity + 1;
      if (first >= count) break;
      const std::size_t end = std::min(first + kArity, count);
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (entries_[child].due < entries_[least].due) least = child;
      }
      if (entry.due <= entries_[least].due) break;
      place(hole, entries_[least]);
      hole = least;
    }
    place(hole, entry);
  }

  std::vector<Entry> entries_;
};

// A million timers, armed in random due order and cancelled in another random order. Built at
// first use, as it is large.
class Bench {
 public:
  explicit Bench(std::size_t count = kTimers) : count_(count) {}

  double run_arm() {
    prepare();
    const double result = timed([this] { arm_all(); });
    heap_.clear();
    return result;
  }

  double run_cancel() {
    prepare();
    arm_all();
    return timed([this] {
      for (const std::uint32_t index : cancel_order_) heap_.cancel(timers_[index]);
    });
  }

  double run_fire() {
    prepare();
    arm_all();
    return timed([this] {
      for (std::int64_t now = 0; !heap_.empty(); now += kStepUs) heap_.fire_due(now);
    });
  }

 private:
  void prepare() {
    if (!timers_.empty()) return;
    std::mt19937 random(1);
    timers_.resize(count_);
    for (Timer& timer : timers_) {
      timer.fire = [](void* argument) { ++*static_cast<std::uint64_t*>(argument); };
      timer.argument = &fired_;
      due_.push_back(static_cast<std::int64_t>(random() % kSpanUs));
    }
    cancel_order_.resize(count_);
    std::iota(cancel_order_.begin(), cancel_order_.end(), 0U);
    std::shuffle(cancel_order_.begin(), cancel_order_.end(), random);
    heap_.reserve(count_);
  }

  void arm_all() {
    for (std::size_t index = 0; index < count_; ++index) heap_.arm(timers_[index], due_[index]);
  }

  template <class Work>
  double timed(Work work) const {
    const std::int64_t begin_ns = now_ns();
    work();
    return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(count_);
  }

  const std::size_t count_;
  std::vector<Timer> timers_;
  std::vector<std::int64_t> due_;
  std::vector<std::uint32_t> cancel_order_;
  Heap heap_;
  std::uint64_t fired_ = 0;
};

}  // namespace

double bare_timers(TimerPart part, std::size_t count) {
  Bench bench(count);
  switch (part) {
    case TimerPart::Arm: return bench.run_arm();
    case TimerPart::Cancel: return bench.run_cancel();
    case TimerPart::Fire: break;
  }
  return bench.run_fire();
}

void add_raw_timer_cases(std::vector<Case>& cases) {
  const auto bench = std::make_shared<Bench>();
  const auto add = [&](const char* group, double (Bench::*run)()) {
    cases.push_back({.name = std::string("heap4_key_") + group,
                     .group = std::string("timer_") + group,
                     .baseline = true,
                     .run = [bench, run] { return ((*bench).*run)(); }});
  };
  add("arm", &Bench::run_arm);
  add("cancel", &Bench::run_cancel);
  add("fire", &Bench::run_fire);
}

}  // namespace coir_bench
