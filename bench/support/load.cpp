// SPDX-License-Identifier: BSL-1.0
#include "load.hpp"

#include <stdexcept>

namespace coir_bench {

void Load::check_filler(std::string_view answer) {
  if (answer.find_first_not_of(kFiller) != std::string_view::npos) fail_wrong();
}

void Load::fail_closed() { throw std::runtime_error("the server closed a connection"); }
void Load::fail_silent() { throw std::runtime_error("the server fell silent"); }
void Load::fail_wrong() { throw std::runtime_error("the server answered something else"); }

}  // namespace coir_bench
