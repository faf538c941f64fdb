// SPDX-License-Identifier: BSL-1.0
// See low_descriptors.hpp.
#include "low_descriptors.hpp"

#include <coir/detail/sys.hpp>

#include <fcntl.h>
#include <sys/resource.h>

namespace coir_deep {
namespace {

using coir::detail::real_sys;

bool has_room(int count) noexcept {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           limit.rlim_cur > static_cast<rlim_t>(count) * 2;
}

}  // namespace

LowDescriptorsTaken::LowDescriptorsTaken() noexcept {
    if (!has_room(count)) return;
    const long first = real_sys()(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    for (long fd = first; fd >= 0;
         fd = real_sys().fcntl(static_cast<int>(first), F_DUPFD_CLOEXEC, fd + 1)) {
        if (fd >= count) {
            real_sys().close(static_cast<int>(fd));
            return;
        }
        taken_.set(static_cast<std::size_t>(fd));
    }
}

LowDescriptorsTaken::~LowDescriptorsTaken() {
    for (std::size_t from = 0; from < count; ++from) {
        if (!taken_[from]) continue;
        std::size_t to = from;
        while (to + 1 < count && taken_[to + 1]) ++to;
        real_sys()(SYS_close_range, static_cast<int>(from), static_cast<int>(to), 0);
        from = to;
    }
}

}  // namespace coir_deep
