// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/event_loop.hpp>

#include <atomic>
#include <thread>

#include "support/machine.hpp"

namespace coir_bench {

// A loop on a thread of its own, pinned to the second CPU.
class Partner {
 public:
  explicit Partner(const coir::RunOptions& options = {}) {
    std::atomic<coir::EventLoop*> made{nullptr};
    thread_ = std::thread([&made, &options] {
      pin_to_allowed_cpu(1);
      coir::EventLoop loop(options);
      made.store(&loop);
      loop.run_forever();
    });
    while ((loop_ = made.load()) == nullptr) std::this_thread::yield();
  }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;
  ~Partner() {
    loop_->call_soon_threadsafe([loop = loop_] { loop->stop(); });
    thread_.join();
  }
  coir::EventLoop& loop() { return *loop_; }

 private:
  std::thread thread_;
  coir::EventLoop* loop_ = nullptr;
};

}  // namespace coir_bench
