// SPDX-License-Identifier: BSL-1.0
#include "load.hpp"

#include <stdexcept>

namespace coir_bench {

void Load::fail_closed() { throw std::runtime_error("the server closed a connection"); }
void Load::fail_silent() { throw std::runtime_error("the server fell silent"); }
void Load::fail_wrong() { throw std::runtime_error("the server answered something else"); }

}  // namespace coir_bench
