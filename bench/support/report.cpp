// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "json.hpp"
#include "machine.hpp"

namespace coir_bench {

namespace {

std::string format_number(double number, int decimals) {
  char digits[48];
  std::snprintf(digits, sizeof digits, "%.*f", decimals, number);
  return digits;
}

// Costs below 100 ns differ in their decimals.
std::string format_cost(double cost) { return format_number(cost, cost < 100 ? 2 : 0); }

std::vector<std::string> format_row(const Summary& summary) {
  const Case& subject = *summary.subject;
  std::vector<std::string> row{subject.group,
                               subject.name,
                               format_cost(summary.median),
                               format_cost(summary.min),
                               format_cost(summary.max),
                               format_cost(summary.deviation),
                               subject.unit};
  std::string ratio = "-";
  std::string interval = "-";
  if (subject.baseline) {
    ratio = "base";
  } else if (summary.has_ratio) {
    ratio = format_number(summary.ratio, 3);
    interval = format_number(summary.ratio_interval.low, 3) + ".." +
               format_number(summary.ratio_interval.high, 3);
  }
  std::string target;
  if (summary.has_target()) {
    target = format_number(subject.must, 2) + (summary.meets_target() ? " ok" : " MISS");
  }
  row.insert(row.end(), {ratio, interval, target});
  return row;
}

}  // namespace

std::string format_table(const Report& report) {
  std::vector<std::vector<std::string>> rows{
      {"group", "case", "median", "min", "max", "MAD", "unit", "ratio", "95 %", "must"}};
  for (const Summary& summary : report.summaries) rows.push_back(format_row(summary));

  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }

  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::string padding(widths[column] - row[column].size(), ' ');
      const bool left_aligned = column < 2 || column + 1 == row.size();
      line += left_aligned ? row[column] + padding : padding + row[column];
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  text += "\n" + std::to_string(report.rounds) + " rounds, " +
          std::to_string(report.slices_preempted) + " of " + std::to_string(report.slices) +
          " slices preempted; load " + report.load_start + " -> " + report.load_end + "; " +
          cpu_model() + "; " + kernel_release() + "; " + compiler_version() + "\n";
  if (!report.reactor_flags.empty()) text += report.reactor_flags + "\n";
  return text;
}

std::string format_json(const Report& report) {
  Json json;
  json.open('{').field("schema", "coir.bench/1");
  json.field("kernel", kernel_release()).field("cpu", cpu_model());
  json.field("compiler", compiler_version()).field("reactor_flags", report.reactor_flags);
  json.field("load_start", report.load_start).field("load_end", report.load_end);
  json.field("rounds", report.rounds).field("slices", report.slices);
  json.field("slices_preempted", report.slices_preempted);
  json.key("cases").open('[');
  for (const Summary& summary : report.summaries) {
    const Case& subject = *summary.subject;
    json.open('{').field("group", subject.group).field("name", subject.name);
    json.field("baseline", subject.baseline).field("unit", subject.unit);
    json.field("median", summary.median).field("min", summary.min).field("max", summary.max);
    json.field("mad", summary.deviation);
    if (summary.has_ratio) {
      json.field("ratio", summary.ratio);
      json.field("ratio_low", summary.ratio_interval.low);
      json.field("ratio_high", summary.ratio_interval.high);
    }
    if (summary.has_target()) {
      json.field("must", subject.must).field("ok", summary.meets_target());
    }
    json.close('}');
  }
  json.close(']').close('}');
  return json.text() + "\n";
}

}  // namespace coir_bench
