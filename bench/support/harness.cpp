// SPDX-License-Identifier: BSL-1.0
#include "harness.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <set>
#include <stdexcept>

#include "arguments.hpp"
#include "machine.hpp"
#include "report.hpp"
#include "statistics.hpp"

namespace coir_bench {

namespace {

constexpr int kRoundsQuick = 3;

void print_help(const Program& program) {
  std::printf(
      "%s: %s\n\n"
      "usage: %s [--filter SUBSTR] [--rounds N] [--quick] [--json] [--list] [--help]\n\n"
      "  --filter SUBSTR  only cases whose group/name contains SUBSTR, and their baselines\n"
      "  --rounds N       interleaved rounds, 1 to 1000 (default %d)\n"
      "  --quick          %d rounds\n"
      "  --json           JSON instead of a table\n"
      "  --list           print the names of the cases and stop\n"
      "  --help           this text\n\n"
      "Only ratios inside one run mean anything. Pinned to the first allowed CPU: choose it with\n"
      "taskset(1).\n",
      program.name.c_str(), program.summary.c_str(), program.name.c_str(), Options{}.rounds,
      kRoundsQuick);
}

// Returns false if the help was asked for.
bool parse_options(int argc, char** argv, Options& options) {
  bool rounds_given = false;
  Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--filter") {
      options.filter = arguments.value_of(*word);
    } else if (*word == "--rounds") {
      options.rounds = arguments.number_of(*word, 1, 1000);
      rounds_given = true;
    } else if (*word == "--quick") {
      options.quick = true;
    } else if (*word == "--json") {
      options.json = true;
    } else if (*word == "--list") {
      options.list = true;
    } else if (*word == "--help") {
      return false;
    } else {
      Arguments::refuse(*word);
    }
  }
  if (options.quick && !rounds_given) options.rounds = kRoundsQuick;
  return true;
}

// The cases the filter asks for, and the baselines they are compared with, in their old order.
std::vector<const Case*> select_cases(const std::vector<Case>& cases, const std::string& filter) {
  const auto wanted = [&](const Case& one) {
    return (one.group + "/" + one.name).find(filter) != std::string::npos;
  };
  std::set<std::string> groups;
  for (const Case& one : cases) {
    if (wanted(one)) groups.insert(one.group);
  }
  std::vector<const Case*> selected;
  for (const Case& one : cases) {
    if (wanted(one) || (one.baseline && groups.contains(one.group))) selected.push_back(&one);
  }
  return selected;
}

double run_slice(const Case& one) try {
  return one.run();
} catch (const std::exception& error) {
  throw std::runtime_error("case " + one.group + "/" + one.name + ": " + error.what());
}

Summary summarise(const Case& one, const std::vector<double>& values,
                  const std::vector<double>* base) {
  Summary summary;
  summary.subject = &one;
  summary.median = median(values);
  summary.min = *std::min_element(values.begin(), values.end());
  summary.max = *std::max_element(values.begin(), values.end());
  summary.deviation = median_absolute_deviation(values);
  if (base == nullptr) return summary;
  std::vector<double> ratios;
  for (std::size_t round = 0; round < values.size(); ++round) {
    ratios.push_back(values[round] / (*base)[round]);
  }
  summary.has_ratio = true;
  summary.ratio = median(ratios);
  summary.ratio_interval = bootstrap_median(ratios);
  return summary;
}

std::vector<Summary> measure(const std::vector<const Case*>& cases, int rounds, Report& report) {
  for (const Case* one : cases) run_slice(*one);

  std::vector<std::vector<double>> values(cases.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t index = 0; index < cases.size(); ++index) {
      const long preempted_before = preemption_count();
      values[index].push_back(run_slice(*cases[index]));
      report.slices += 1;
      if (preemption_count() != preempted_before) report.slices_preempted += 1;
    }
  }

  std::vector<Summary> summaries;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const std::vector<double>* base = nullptr;
    for (std::size_t other = 0; other < cases.size(); ++other) {
      if (cases[other]->baseline && cases[other]->group == cases[index]->group) {
        base = &values[other];
      }
    }
    summaries.push_back(summarise(*cases[index], values[index], base));
  }
  return summaries;
}

}  // namespace

int run_cases(const std::vector<Case>& cases, const Options& options) try {
  const std::vector<const Case*> selected = select_cases(cases, options.filter);
  if (selected.empty()) throw std::runtime_error("no case matches " + options.filter);
  if (options.list) {
    for (const Case* one : selected) {
      std::printf("%s/%s%s\n", one->group.c_str(), one->name.c_str(),
                  one->baseline ? " (baseline)" : "");
    }
    return 0;
  }
  Report report;
  report.rounds = options.rounds;
  report.reactor_flags = options.reactor_flags;
  report.load_start = load_average();
  report.summaries = measure(selected, options.rounds, report);
  report.load_end = load_average();
  const std::string text = options.json ? format_json(report) : format_table(report);
  std::fputs(text.c_str(), stdout);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}

int bench_main(int argc, char** argv, const Program& program, const std::vector<Case>& cases) try {
  Options options;
  options.reactor_flags = program.reactor_flags;
  if (!parse_options(argc, argv, options)) {
    print_help(program);
    return 0;
  }
  pin_to_allowed_cpu(0);
  raise_descriptor_limit();
  return run_cases(cases, options);
} catch (const BadOption& error) {
  std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.what());
  return 1;
}

}  // namespace coir_bench
