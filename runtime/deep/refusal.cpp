// SPDX-License-Identifier: BSL-1.0
// See refusal.hpp.
#include "refusal.hpp"

#include <coir/detail/sys.hpp>

#include <unistd.h>

namespace coir_deep {

void refuse(const std::string& why) noexcept {
    const std::string line = "coir: threads cannot be tasks here: " + why + '\n';
    static_cast<void>(coir::detail::real_sys().write(STDERR_FILENO, line.data(), line.size()));
    ::_exit(cannot_be_done);
}

}  // namespace coir_deep
