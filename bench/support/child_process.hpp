// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "system.hpp"

namespace coir_bench {

// A program started with its input and output on pipes. Dies with this process, and is ended, by
// its pid, by the destructor.
class ChildProcess {
 public:
  using Clock = std::chrono::steady_clock;

  // REQUIRES: `command` is not empty. Throws std::system_error if it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& command);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  int pid() const { return pid_; }

  // The next line of its output, without the newline. Throws std::runtime_error at `deadline`, or
  // if the output ends first.
  std::string read_line(Clock::time_point deadline);

 private:
  const std::string name_;
  pid_t pid_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  std::string unread_;
};

}  // namespace coir_bench
