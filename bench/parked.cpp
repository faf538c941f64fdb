// SPDX-License-Identifier: BSL-1.0
// What a parked task costs: resident memory and page tables, mappings, and the time to make it.
//
//   bench-parked [--tasks N] [--stack BYTES]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "park_tasks.hpp"
#include "support/arguments.hpp"
#include "support/clock.hpp"

namespace coir_bench {

namespace {

// A line of /proc/self/status that counts kilobytes.
double status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return 1024.0 * std::stod(line.substr(field.size() + 1));
  }
  throw std::runtime_error("/proc/self/status has no " + field);
}

long mappings() {
  std::ifstream maps("/proc/self/maps");
  return std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n');
}

struct Usage {
  double resident = status_bytes("VmRSS");
  double page_tables = status_bytes("VmPTE");
  long maps = mappings();
};

void measure(std::size_t tasks, std::size_t stack_size) {
  coir::RunOptions options;
  if (stack_size != 0) options.stack_size = stack_size;
  coir::run(
      [tasks, &options] {
        coir::Event go;
        const Usage before;
        const std::int64_t begin_ns = now_ns();
        park_tasks(tasks, go);
        const double each_ns = static_cast<double>(now_ns() - begin_ns) / static_cast<double>(tasks);
        const Usage after;
        const auto each = [&](double bytes) { return bytes / static_cast<double>(tasks); };
        const double resident = each(after.resident - before.resident);
        const double tables = each(after.page_tables - before.page_tables);
        std::printf("%zu tasks on stacks of %zu KiB: %.0f B each (%.0f B resident, %.0f B of page "
                    "tables), %ld more mappings, %.2f us to make and park one\n",
                    tasks, options.stack_size / 1024, resident + tables, resident, tables,
                    after.maps - before.maps, each_ns / 1000);
        go.set();
      },
      options);
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) try {
  std::size_t tasks = 100'000;
  std::size_t stack_size = 0;
  coir_bench::Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--tasks") {
      tasks = arguments.number_of<std::size_t>(*word, 1, 2'000'000);
    } else if (*word == "--stack") {
      stack_size = arguments.number_of<std::size_t>(*word, 16'384, std::size_t{1} << 30);
    } else {
      coir_bench::Arguments::refuse(*word);
    }
  }
  coir_bench::measure(tasks, stack_size);
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "bench-parked: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench-parked: %s\n", error.what());
  return 1;
}
