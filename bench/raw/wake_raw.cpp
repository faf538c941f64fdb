// SPDX-License-Identifier: BSL-1.0
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "../cases.hpp"
#include "../support/clock.hpp"
#include "../support/machine.hpp"
#include "../support/statistics.hpp"
#include "parking.hpp"

// The limits for waking another thread's loop: this thread runs on the first allowed CPU, the
// other one on the second.
namespace coir_bench {

namespace {

// Median round trip of two loops which are both asleep: two wakes.
double run_round_trip() {
  constexpr std::size_t kRoundTrips = 1000;
  constexpr std::size_t kWarmUp = 50;
  Parking<EpollWaiter> here;
  Parking<EpollWaiter> there;
  std::thread partner([&] {
    pin_to_allowed_cpu(1);
    for (std::size_t trip = 0; trip < kWarmUp + kRoundTrips; ++trip) {
      there.wait();
      here.wake();
    }
  });
  std::vector<double> times;
  for (std::size_t trip = 0; trip < kWarmUp + kRoundTrips; ++trip) {
    const std::int64_t begin_ns = now_ns();
    there.wake();
    here.wait();
    if (trip >= kWarmUp) times.push_back(static_cast<double>(now_ns() - begin_ns));
  }
  partner.join();
  return median(std::move(times));
}

struct Message {
  Message* next = nullptr;
  void (*run)(std::uint64_t&) = nullptr;
};

// A lock-free stack; whoever finds it empty wakes the owner, and so the owner, who takes all at
// once, sleeps only with a wake-up due or nothing posted.
class Mailbox {
 public:
  // Returns whether the owner had to be woken. Any thread.
  bool post(Message& message) {
    Message* head = head_.load(std::memory_order_relaxed);
    do {
      message.next = head;
    } while (!head_.compare_exchange_weak(head, &message, std::memory_order_release,
                                          std::memory_order_relaxed));
    if (head != nullptr) return false;
    parking_.wake();
    return true;
  }

  // Waits for messages and returns them, oldest first. Owner only.
  Message* take_all() {
    parking_.wait();
    Message* newest = head_.exchange(nullptr, std::memory_order_acquire);
    Message* oldest = nullptr;
    while (newest != nullptr) {
      Message* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }

 private:
  alignas(64) std::atomic<Message*> head_{nullptr};
  alignas(64) Parking<EpollWaiter> parking_;
};

class PostBench {
 public:
  // ns to post one message, as fast as one thread can, while the other loop drains.
  double run_post() { return run().ns_per_post; }
  double run_wakes() { return run().wakes_per_1000; }

 private:
  static constexpr std::size_t kPosts = 2'000'000;
  struct Result {
    double ns_per_post;
    double wakes_per_1000;
  };

  Result run() {
    if (messages_.empty()) messages_.resize(kPosts);
    for (Message& message : messages_) message.run = [](std::uint64_t& count) { ++count; };
    Mailbox mailbox;
    std::atomic<bool> started{false};
    std::thread owner([&] {
      pin_to_allowed_cpu(1);
      started.store(true);
      std::uint64_t count = 0;
      while (count < kPosts) {
        for (Message* message = mailbox.take_all(); message != nullptr; message = message->next) {
          message->run(count);
        }
      }
    });
    while (!started.load()) std::this_thread::yield();

    std::size_t wakes = 0;
    const std::int64_t begin_ns = now_ns();
    for (Message& message : messages_) wakes += mailbox.post(message) ? 1 : 0;
    const auto elapsed_ns = static_cast<double>(now_ns() - begin_ns);
    owner.join();
    const auto posts = static_cast<double>(kPosts);
    return {elapsed_ns / posts, 1000 * static_cast<double>(wakes) / posts};
  }

  std::vector<Message> messages_;
};

}  // namespace

void add_raw_wake_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "eventfd_epoll_rt",
                   .group = "wake_rt",
                   .baseline = true,
                   .run = run_round_trip});
  const auto bench = std::make_shared<PostBench>();
  cases.push_back({.name = "eventfd_epoll_mailbox_post",
                   .group = "post",
                   .baseline = true,
                   .run = [bench] { return bench->run_post(); }});
  cases.push_back({.name = "eventfd_epoll_mailbox_wakes",
                   .group = "post_wakes",
                   .baseline = true,
                   .run = [bench] { return bench->run_wakes(); },
                   .unit = "wakes/1000"});
}

}  // namespace coir_bench
