// SPDX-License-Identifier: BSL-1.0
// Files without a name, which are gone when whoever has them open is.
#pragma once

#include "support/system.hpp"

#include <cstddef>
#include <string>

namespace coir_tool {

/// $TMPDIR, or /var/tmp, which is less often in memory than /tmp.
std::string scratch_folder();

/// A new file of `size` bytes there, on its disk. Throws std::runtime_error with a sentence.
coir_bench::UniqueFd make_scratch_file(std::size_t size);

/// The same file opened anew. Throws std::runtime_error, with a sentence if `flags` is what the file
/// system refuses.
coir_bench::UniqueFd open_again(int fd, int flags);

}  // namespace coir_tool
