// SPDX-License-Identifier: BSL-1.0
#include "scratch_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace coir_tool {
namespace {

constexpr const char* advice = "; set TMPDIR to a folder on a disk with room";

void fill(int fd, std::size_t size) {
    const std::string chunk(1 << 20, 'q');
    while (size > 0) {
        const ssize_t written = ::write(fd, chunk.data(), std::min(size, chunk.size()));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) coir_bench::throw_errno("write");
        size -= static_cast<std::size_t>(written);
    }
    coir_bench::check(::fsync(fd), "fsync");
}

}  // namespace

std::string scratch_folder() {
    const char* folder = std::getenv("TMPDIR");
    return folder && *folder ? folder : "/var/tmp";
}

coir_bench::UniqueFd make_scratch_file(std::size_t size) {
    std::string path = scratch_folder() + "/coir-bench-XXXXXX";
    coir_bench::UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
    if (file.get() < 0) {
        throw std::runtime_error("no file can be made in " + scratch_folder() + ": " +
                                 std::strerror(errno) + advice);
    }
    ::unlink(path.c_str());
    try {
        fill(file.get(), size);
    } catch (const std::system_error& error) {
        throw std::runtime_error("a file in " + scratch_folder() +
                                 " cannot be filled: " + error.code().message() + advice);
    }
    return file;
}

coir_bench::UniqueFd open_again(int fd, int flags) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    coir_bench::UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC));
    if (file.get() < 0 && errno == EINVAL && (flags & O_DIRECT)) {
        throw std::runtime_error("the file system of " + scratch_folder() + " refuses O_DIRECT" +
                                 advice);
    }
    if (file.get() < 0) coir_bench::throw_errno(path);
    return file;
}

}  // namespace coir_tool
