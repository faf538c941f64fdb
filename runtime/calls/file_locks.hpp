// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "in_task.hpp"

namespace coir::inline v0::detail::calls {

/// fcntl() with F_SETLKW or F_OFD_SETLKW.
COIR_API int lock_record(Scheduler& loop, int fd, int command, struct flock* lock) noexcept;

}  // namespace coir::inline v0::detail::calls
