// SPDX-License-Identifier: BSL-1.0
#include "fuzz.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace coir_fuzz {

void require(bool holds, std::string_view what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

const std::string& memory_file(std::string_view bytes) {
    static const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(fd);
    require(fd >= 0 && ::ftruncate(fd, 0) == 0, "there is a file in memory");
    require(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
            "it takes the input");
    return path;
}

void silence_stdout() {
    static const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    static const int done = ::dup2(nowhere, STDOUT_FILENO);
    require(done == STDOUT_FILENO, "standard output can be silenced");
}

bool is_one_line(std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return (c >= 0 && c < ' ') || c == 0x7f;
    });
}

}  // namespace coir_fuzz
