// SPDX-License-Identifier: BSL-1.0
// Files of libc's whose reads and writes suspend tasks: libc's own go to the kernel inside libc, where
// no wrapper reaches; these (fopencookie) call back.
#pragma once

#include <cstdio>

#include <sys/types.h>

namespace coir_legacy {

/// A file that owns `fd`, from its successful making on; fileno() knows it. `mode` as for fopen().
/// With a `child`, which is -1 otherwise, closing it waits for that process and returns its status.
/// Null and errno: ENOMEM, EINVAL.
FILE* make_cookie_file(int fd, const char* mode, pid_t child) noexcept;

}  // namespace coir_legacy
