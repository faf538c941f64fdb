// SPDX-License-Identifier: BSL-1.0
// What every command that measures does before and after it.
#pragma once

#include "bench/result.hpp"
#include "command.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace coir_tool {

/// Where results go.
struct Delivery {
    OptionText output;  ///< a file, besides standard output
    bool json = false;
    bool wide = false;
};

/// "--connections": "1,64" as numbers. UsageError.
std::vector<std::size_t> parse_connections(const std::string& text);

/// A result with the machine as it is before anything is measured.
BenchResult begin_result(const std::string& command, double seconds, std::size_t rounds);

/// Writes the file and the tables. Returns the exit status.
int deliver_result(BenchResult& result, const Delivery& delivery);

}  // namespace coir_tool
