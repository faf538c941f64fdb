// SPDX-License-Identifier: BSL-1.0
// What a post to another thread costs with Asio: `peer-asio-wake post` prints ns for one to a busy io_context,
// `peer-asio-wake wake` for one to a sleeping io_context and back. As coir_wake.cpp does it for coir.
#include <algorithm>
#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

#include "../support/machine.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

class Partner {
 public:
  Partner()
      : thread_([this] {
          coir_bench::pin_to_allowed_cpu(1);
          context_.run();
        }) {}
  ~Partner() {
    guard_.reset();
    thread_.join();
  }
  asio::io_context& context() { return context_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(context_);
  std::thread thread_;
};

struct alignas(128) Counted {
  std::size_t ran = 0;
  std::atomic<std::size_t> all{0};
};

double post() {
  constexpr std::size_t bursts = 30;
  constexpr std::size_t posts = 10'000;
  Counted counted;
  Partner partner;
  double spent = 0;
  for (std::size_t burst = 0; burst <= bursts; ++burst) {
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < posts; ++i) {
      asio::post(partner.context(), [&counted] {
        if (++counted.ran % posts == 0) counted.all.store(counted.ran);
      });
    }
    if (burst > 0) spent += ns_since(begin);
    while (counted.all.load() != (burst + 1) * posts) std::this_thread::yield();
  }
  return spent / static_cast<double>(bursts * posts);
}

double wake() {
  asio::io_context here;
  const auto guard = asio::make_work_guard(here);
  Partner partner;
  std::vector<double> times;
  for (int trip = 0; trip < 1000; ++trip) {
    const auto begin = Clock::now();
    asio::post(partner.context(), [&here] { asio::post(here, [] {}); });
    here.run_one();
    if (trip >= 50) times.push_back(ns_since(begin));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what != "post" && what != "wake") {
    std::fprintf(stderr, "usage: peer-asio-wake post|wake\n");
    return 2;
  }
  coir_bench::pin_to_allowed_cpu(0);
  std::printf("%.2f\n", what == "post" ? post() : wake());
}
