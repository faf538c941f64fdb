// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "cases.hpp"
#include "support/child_process.hpp"

// Posts of other runtimes, each by a program of its own that was built where the runtime is (peers/*_wake.*).
namespace coir_bench {

namespace {

// This process is pinned; they need two processors, and pin themselves.
double run_peer(const std::string& path, const std::string& what) {
  using namespace std::chrono_literals;
  ChildProcess peer({"taskset", "-c", "0-1023", path, what});
  return std::stod(peer.read_line(ChildProcess::Clock::now() + 30s));
}

}  // namespace

void add_peer_wake_cases(std::vector<Case>& cases) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const std::string name : {"asio", "go"}) {
    const std::string path = folder / ("peer-" + name + "-wake");
    if (!std::filesystem::exists(path)) continue;
    cases.push_back({.name = name + "_post", .group = "post", .run = [path] { return run_peer(path, "post"); }});
    cases.push_back({.name = name + "_rt", .group = "wake_rt", .run = [path] { return run_peer(path, "wake"); }});
  }
}

}  // namespace coir_bench
