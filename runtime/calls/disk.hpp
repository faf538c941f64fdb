// SPDX-License-Identifier: BSL-1.0
// read and write on what lies on a disk, with libc's conventions. See disk.cpp.
#pragma once

#include "in_task.hpp"

namespace coir::inline v0::detail::calls {

/// Whether these wait on a thread of the pool; else the loop's thread does, as it does for a page
/// that is not in memory. Any thread.
COIR_API void use_threads_for_files(bool on) noexcept;

long read_file(Scheduler& loop, int fd, void* buffer, std::size_t size) noexcept;
long readv_file(Scheduler& loop, int fd, const iovec* pieces, int count) noexcept;
long write_file(Scheduler& loop, int fd, const void* data, std::size_t size) noexcept;
long writev_file(Scheduler& loop, int fd, const iovec* pieces, int count) noexcept;

}  // namespace coir::inline v0::detail::calls
