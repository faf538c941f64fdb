// SPDX-License-Identifier: BSL-1.0
// eventfd_read, eventfd_write in a task: libc's call read() and write() where no wrapper reaches.
#include "in_task.hpp"

namespace coir::inline v0::detail::calls::in_task {

int eventfd_read(Scheduler& loop, int fd, eventfd_t* value) {
    return in_task::read(loop, fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

int eventfd_write(Scheduler& loop, int fd, eventfd_t value) {
    return in_task::write(loop, fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

}  // namespace coir::inline v0::detail::calls::in_task
