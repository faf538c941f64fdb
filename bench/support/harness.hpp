// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace coir_bench {

// One thing to measure. Cases are compared inside their group, against its baseline.
struct Case {
  std::string name;
  std::string group;
  bool baseline = false;  // at most one of a group
  // Runs one timed slice of some 30 to 60 ms and returns ns per operation. Set-up and clean-up
  // inside it must stay outside its own clock readings.
  std::function<double()> run;
  double must = 0;         // the greatest allowed ratio to the baseline; 0 = no target
  std::string unit = "ns";  // of what run() returns
};

struct Options {
  int rounds = 15;
  std::string filter;  // substring of "group/name"; the baselines of the chosen groups run, too
  bool json = false;
  bool list = false;
  bool quick = false;         // 3 rounds, unless rounds are given
  std::string reactor_flags;  // free text for the report: how the reactors were configured
};

struct Program {
  std::string name;
  std::string summary;
  std::string reactor_flags;
};

// Warms every case up by one slice, runs all cases A B C A B C ... for `rounds` rounds, and prints
// a table or JSON on stdout. Returns the exit status: 0, or 1 if a case threw. A missed target is
// reported, but is no error: the reader must know the machine first.
int run_cases(const std::vector<Case>& cases, const Options& options);

// main() of a benchmark program: parses the command line, pins the thread, runs the cases.
int bench_main(int argc, char** argv, const Program& program, const std::vector<Case>& cases);

}  // namespace coir_bench
