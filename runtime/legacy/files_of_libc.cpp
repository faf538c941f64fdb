// SPDX-License-Identifier: BSL-1.0
// libc's own files: they close their descriptors inside libc.
#include "real.hpp"

#include "../calls/in_task.hpp"

namespace coir::inline v0::detail::calls::in_task {

int fclose(Scheduler& loop, FILE* file) {
    const int saved = errno;
    const int fd = ::fileno_unlocked(file);
    errno = saved;  // files in memory have none
    if (fd >= 0) hooks::closing(loop, fd);
    return coir_legacy::real::fclose(file);
}

}  // namespace coir::inline v0::detail::calls::in_task
