// SPDX-License-Identifier: BSL-1.0
// Runs of `coir bench` as one page with pictures: it needs no script, no network and no other file.
#pragma once

#include "result.hpp"

#include <string>
#include <vector>

namespace coir_tool {

/// HTML, the same for the same results. With several results, a case of theirs is one picture.
/// `names`: what each is called, such as its file; where they are absent, by its date.
std::string format_bench_html(const std::vector<BenchResult>& results,
                              const std::vector<std::string>& names = {});

}  // namespace coir_tool
