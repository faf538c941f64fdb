// SPDX-License-Identifier: BSL-1.0
#include "machine_facts.hpp"

#include "support/machine.hpp"

#include <coir/detail/pick_file.hpp>

#include <fstream>

#include <sched.h>
#include <sys/resource.h>

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
    json.close('}');
}

}  // namespace coir_tool
