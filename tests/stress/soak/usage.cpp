// SPDX-License-Identifier: BSL-1.0
#include "usage.hpp"

#include "soak.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

namespace coir_soak {

Usage read_usage(pid_t process) {
    const std::filesystem::path folder = "/proc/" + std::to_string(process);
    Usage usage;
    double size = 0;
    double resident = 0;
    std::ifstream statm(folder / "statm");
    require(bool(statm >> size >> resident), "process " + std::to_string(process) + " is gone");
    usage.resident = resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
    std::ifstream maps(folder / "maps");
    using Letters = std::istreambuf_iterator<char>;
    usage.mappings = static_cast<std::size_t>(std::count(Letters(maps), Letters(), '\n'));
    std::error_code error;
    for (std::filesystem::directory_iterator fds(folder / "fd", error), end; !error && fds != end;
         fds.increment(error)) {
        ++usage.descriptors;
    }
    return usage;
}

// Looking takes a descriptor of the folder, and the file of its mappings is open, too.
Usage read_usage() {
    Usage usage = read_usage(::getpid());
    usage.descriptors -= std::min<std::size_t>(usage.descriptors, 3);
    return usage;
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    require(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit failed");
    limit.rlim_cur = limit.rlim_max;
    require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "the limit of descriptors cannot be raised");
    return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace coir_soak
