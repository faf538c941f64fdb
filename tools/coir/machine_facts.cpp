// SPDX-License-Identifier: BSL-1.0
#include "machine_facts.hpp"

#include "support/machine.hpp"

#include <coir/detail/pick_file.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace coir_tool {
namespace {

std::string format_limit(rlim_t value) {
    return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

Limit format_limits(const rlimit& limit) {
    return {format_limit(limit.rlim_cur), format_limit(limit.rlim_max)};
}

template <class Number>
std::optional<Number> read_number(const char* path) {
    std::ifstream file(path);
    Number number{};
    if (!(file >> number)) return std::nullopt;
    return number;
}

unsigned usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<unsigned>(CPU_COUNT(&set));
}

std::string first_line(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// "always [madvise] never" -> "madvise".
std::string chosen_word(const std::string& line) {
    const std::size_t open = line.find('[');
    const std::size_t close = line.find(']');
    if (open == std::string::npos || close == std::string::npos) return line;
    return line.substr(open + 1, close - open - 1);
}

bool processor_has_flag(std::string_view flag) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("flags")) return (line + " ").find(" " + std::string(flag) + " ") != std::string::npos;
    }
    return false;
}

// The vulnerabilities that this kernel works around, at a price for every system call.
std::string mitigations() {
    std::string names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(
             "/sys/devices/system/cpu/vulnerabilities", error)) {
        if (!first_line(entry.path().c_str()).starts_with("Mitigation")) continue;
        names += (names.empty() ? "" : ",") + entry.path().filename().string();
    }
    return names;
}

std::string container() {
    if (::access("/.dockerenv", F_OK) == 0) return "docker";
    if (::access("/run/.containerenv", F_OK) == 0) return "podman";
    if (std::getenv("KUBERNETES_SERVICE_HOST")) return "kubernetes";
    const char* name = std::getenv("container");
    return name ? name : "";
}

// "max 100000" or "150000 100000", of the control group that this process is in.
std::string processor_quota() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        if (!line.starts_with("0::")) continue;
        std::ifstream file("/sys/fs/cgroup" + line.substr(3) + "/cpu.max");
        std::string quota;
        double period = 0;
        if (!(file >> quota >> period) || quota == "max" || period <= 0) return {};
        char cpus[32];
        std::snprintf(cpus, sizeof cpus, "%.2f CPUs", std::strtod(quota.c_str(), nullptr) / period);
        return cpus;
    }
    return {};
}

std::vector<Fact> read_details() {
    const std::vector<Fact> all = {
        {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
        {"turbo_off", first_line("/sys/devices/system/cpu/intel_pstate/no_turbo")},
        {"smt", first_line("/sys/devices/system/cpu/smt/active")},
        {"hypervisor", processor_has_flag("hypervisor") ? "yes" : "no"},
        {"container", container()},
        {"cpu_quota", processor_quota()},
        {"mitigations", mitigations()},
        {"clock_source", first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
        {"transparent_huge_pages", chosen_word(first_line("/sys/kernel/mm/transparent_hugepage/enabled"))},
    };
    std::vector<Fact> known;
    std::copy_if(all.begin(), all.end(), std::back_inserter(known),
                 [](const Fact& fact) { return !fact.value.empty(); });
    return known;
}

}  // namespace

MachineFacts read_machine_facts() {
    MachineFacts facts;
    facts.kernel = coir_bench::kernel_release();
    facts.processor = coir_bench::cpu_model();
    facts.processors = usable_processors();
    facts.fingerprint = coir::detail::machine_fingerprint();
    facts.compiler = coir_bench::compiler_version();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.open_files = format_limits(limit);
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) facts.locked_memory = format_limits(limit);
    facts.io_uring_disabled = read_number<int>("/proc/sys/kernel/io_uring_disabled");
    facts.max_map_count = read_number<std::uint64_t>("/proc/sys/vm/max_map_count");
    facts.details = read_details();
    return facts;
}

void add_machine(coir_bench::Json& json, const MachineFacts& facts) {
    json.field("kernel", facts.kernel).field("cpu", facts.processor);
    json.field("cpus", std::uint64_t{facts.processors}).field("fingerprint", facts.fingerprint);
    json.field("compiler", facts.compiler);
    json.key("limits").open('{');
    json.field("nofile_soft", facts.open_files.soft).field("nofile_hard", facts.open_files.hard);
    json.field("memlock_soft", facts.locked_memory.soft);
    json.field("memlock_hard", facts.locked_memory.hard);
    if (facts.io_uring_disabled) json.field("io_uring_disabled", *facts.io_uring_disabled);
    if (facts.max_map_count) json.field("max_map_count", *facts.max_map_count);
    json.close('}').key("details").open('{');
    for (const Fact& fact : facts.details) json.field(fact.name, fact.value);
    json.close('}');
}

}  // namespace coir_tool
