// SPDX-License-Identifier: BSL-1.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cases.hpp"
#include "measures.hpp"
#include "park_tasks.hpp"
#include "support/clock.hpp"

// Tasks on stacks that were never used before, each made, run once and parked: control block, guard and first
// touch included.
namespace coir_bench {

namespace {

double run_cold_create() {
  return coir::run([] {
    coir::Event go;
    const std::int64_t begin_ns = now_ns();
    park_tasks(kColdStacks, go);
    const std::int64_t end_ns = now_ns();
    go.set();
    return static_cast<double>(end_ns - begin_ns) / static_cast<double>(kColdStacks);
  });
}

}  // namespace

void add_coir_stack_cases(std::vector<Case>& cases) {
  cases.push_back({.name = "coir_cold_create", .group = "cold_create", .run = run_cold_create, .must = 1.25});
}

}  // namespace coir_bench
