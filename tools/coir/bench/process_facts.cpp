// SPDX-License-Identifier: BSL-1.0
#include "process_facts.hpp"

#include "support/machine.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace coir_tool {
namespace {

std::uint64_t switches_of(const std::filesystem::path& status) {
    std::uint64_t sum = 0;
    std::ifstream file(status);
    for (std::string word; file >> word;) {
        std::uint64_t count = 0;
        if (word.ends_with("voluntary_ctxt_switches:") && file >> count) sum += count;
    }
    return sum;
}

}  // namespace

ProcessFacts read_process_facts(int pid) {
    const std::filesystem::path folder = "/proc/" + std::to_string(pid);
    ProcessFacts facts;
    facts.cpu_ns = coir_bench::process_cpu_ns(pid);
    std::error_code error;  // a thread may end between the listing and the reading
    for (const auto& task : std::filesystem::directory_iterator(folder / "task", error)) {
        facts.switches += switches_of(task.path() / "status");
    }
    facts.rss_bytes = read_resident_bytes(pid);
    return facts;
}

std::uint64_t read_resident_bytes(int pid) {
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    if (!(file >> size >> resident)) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace coir_tool
