// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness.hpp"
#include "statistics.hpp"

namespace coir_bench {

// What the rounds of one case amount to.
struct Summary {
  const Case* subject = nullptr;
  double median = 0;
  double min = 0;
  double max = 0;
  double deviation = 0;    // median absolute deviation
  bool has_ratio = false;  // false: the group has no baseline
  double ratio = 0;        // median over the rounds of this / baseline
  Interval ratio_interval;

  bool has_target() const { return has_ratio && subject->must > 0; }
  bool meets_target() const { return ratio <= subject->must; }
};

struct Report {
  std::vector<Summary> summaries;
  int rounds = 0;
  std::uint64_t slices = 0;
  std::uint64_t slices_preempted = 0;  // another thread ran on our CPU meanwhile
  std::string reactor_flags;
  std::string load_start;
  std::string load_end;
};

std::string format_table(const Report& report);

// One object, "schema": "coir.bench/1".
std::string format_json(const Report& report);

}  // namespace coir_bench
