// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/coir.hpp>

#include <cstddef>

namespace coir_bench {

// Makes tasks that run once and then wait for `go`. When there is no memory for so many, those that there are
// end before the error goes on, for they use `go`.
inline void park_tasks(std::size_t count, coir::Event& go) {
  try {
    for (std::size_t i = 0; i < count; ++i) coir::spawn_detached([&go] { go.wait(); });
  } catch (...) {
    go.set();
    coir::yield_now();
    throw;
  }
  coir::yield_now();
}

}  // namespace coir_bench
