// SPDX-License-Identifier: BSL-1.0
// The file of a run: JSON, "schema": "coir.bench/1". What is written can be read again.
#pragma once

#include "result.hpp"

#include "support/json.hpp"

#include <string>

namespace coir_tool {

inline constexpr const char* bench_schema = "coir.bench/1";

/// As a value of JSON that is being written.
void add_bench_result(coir_bench::Json& json, const BenchResult& result);
std::string format_bench_json(const BenchResult& result);

/// Throws UsageError, which names the file: it cannot be read, is no JSON, or of another schema.
BenchResult read_bench_file(const std::string& path);

}  // namespace coir_tool
