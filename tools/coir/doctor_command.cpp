// SPDX-License-Identifier: BSL-1.0
// coir doctor: what on this machine is in the way of programs on coir, and what to do about it.
#include "command.hpp"
#include "legacy_launch.hpp"
#include "machine_facts.hpp"
#include "output.hpp"
#include "probe.hpp"
#include "table.hpp"

#include "support/json.hpp"

#include <coir/detail/pick_file.hpp>
#include <coir/version.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <sys/mman.h>
#include <unistd.h>

namespace coir_tool {
namespace {

struct Check {
    enum class Level : unsigned char { ok, note, problem };
    std::string what;
    Level level = Level::ok;
    std::string found;
    std::string advice;  ///< empty when there is nothing to do
};

const char* name_of(Check::Level level) {
    switch (level) {
        case Check::Level::ok:
            return "ok";
        case Check::Level::note:
            return "note";
        case Check::Level::problem:
            break;
    }
    return "problem";
}

// "unlimited" counts as more than anything.
double number_of(const std::string& limit) {
    return limit == "unlimited" ? 1e18 : std::strtod(limit.c_str(), nullptr);
}

std::string first_word(const char* path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

std::string detail_of(const MachineFacts& facts, const char* name) {
    for (const Fact& fact : facts.details) {
        if (fact.name == name) return fact.value;
    }
    return {};
}

Check check_reactor(const ProbedReactor& reactor) {
    if (reactor.usable) return {"reactor " + reactor.name, Check::Level::ok, reactor.reason, {}};
    // Another one takes its place; only without any there is a problem.
    return {"reactor " + reactor.name, Check::Level::note, reactor.reason, reactor.advice};
}

Check check_choice(const AutomaticChoice& choice) {
    if (choice.reactor.empty()) {
        return {"automatic choice", Check::Level::problem, choice.why,
                "see `coir reactors` and `coir config`"};
    }
    return {"automatic choice", Check::Level::ok, choice.reactor + ": " + choice.why, {}};
}

Check check_record() {
    std::string note;
    const auto used = coir::detail::read_pick_file(&note);
    if (used) return {"recorded choice", Check::Level::ok, used->reactor + ", in " + used->path, {}};
    if (!note.empty()) return {"recorded choice", Check::Level::note, note, "coir pick --write"};
    return {"recorded choice", Check::Level::note, "there is none: programs get the built-in one",
            "`coir pick --write` measures and records the best one here"};
}

Check check_open_files(const MachineFacts& facts) {
    const Limit& limit = facts.open_files;
    const std::string found = limit.soft + " (hard limit " + limit.hard + ")";
    if (number_of(limit.hard) < 4096) {
        return {"open files", Check::Level::problem, found,
                "every connection needs one: raise the hard limit in /etc/security/limits.conf, "
                "LimitNOFILE= of the service, or --ulimit nofile of the container"};
    }
    if (number_of(limit.soft) < 4096) {
        return {"open files", Check::Level::note, found,
                "servers with many connections: ulimit -n, or setrlimit() in the program"};
    }
    return {"open files", Check::Level::ok, found, {}};
}

Check check_locked_memory(const MachineFacts& facts, bool has_ring) {
    const double bytes = number_of(facts.locked_memory.soft);
    const std::string found = format_byte_limit(facts.locked_memory.soft);
    // Rings are charged to it before Linux 5.12.
    if (has_ring || bytes >= 8e6) return {"locked memory", Check::Level::ok, found, {}};
    return {"locked memory", Check::Level::note, found,
            "io_uring may need more on kernels before 5.12: ulimit -l"};
}

// A stack that is guarded by mprotect costs two mappings; with guard markers it costs none.
bool has_guard_markers() {
    constexpr int guard_install = 102;  // MADV_GUARD_INSTALL, Linux 6.13
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    const bool has = ::madvise(memory, page, guard_install) == 0;
    ::munmap(memory, page);
    return has;
}

Check check_mappings(const MachineFacts& facts) {
    const char* what = "guarded stacks";
    if (has_guard_markers()) {
        return {what, Check::Level::ok, "without a mapping for each (MADV_GUARD_INSTALL)", {}};
    }
    const auto count = static_cast<double>(facts.max_map_count.value_or(65530));
    const std::string found = "two mappings for each stack; vm.max_map_count is " + format_whole(count);
    if (count >= 250'000) return {what, Check::Level::ok, found, {}};
    return {what, Check::Level::note, found,
            "more than " + format_whole(count / 2) +
                " tasks at once: sysctl vm.max_map_count=1048576, or Linux 6.13"};
}

Check check_quota(const MachineFacts& facts) {
    const std::string quota = detail_of(facts, "cpu_quota");
    if (quota.empty()) return {"CPU quota", Check::Level::ok, "none", {}};
    const double cpus = std::strtod(quota.c_str(), nullptr);
    if (cpus >= facts.processors) return {"CPU quota", Check::Level::ok, quota, {}};
    return {"CPU quota", Check::Level::note,
            quota + " of " + std::to_string(facts.processors) +
                ": a busy loop is stopped for the rest of each period",
            "use as many loops as the quota has CPUs, and no busy polling"};
}

Check check_overcommit() {
    const std::string policy = first_word("/proc/sys/vm/overcommit_memory");
    if (policy != "2") return {"memory overcommit", Check::Level::ok, "policy " + policy, {}};
    return {"memory overcommit", Check::Level::note,
            "policy 2: address space of stacks counts as memory, used or not",
            "smaller stacks (COIR_STACK), or sysctl vm.overcommit_memory=0"};
}

Check check_container(const MachineFacts& facts) {
    const std::string container = detail_of(facts, "container");
    return {"container", Check::Level::ok, container.empty() ? "none that is known" : container, {}};
}

Check check_governor(const MachineFacts& facts) {
    const std::string governor = detail_of(facts, "governor");
    if (governor.empty() || governor == "performance") {
        return {"CPU frequency", Check::Level::ok, governor.empty() ? "not told" : governor, {}};
    }
    return {"CPU frequency", Check::Level::note, "governor " + governor,
            "for steady measurements: cpupower frequency-set -g performance"};
}

Check check_legacy() {
    try {
        return {"libcoir-legacy", Check::Level::ok, find_legacy_library(), {}};
    } catch (const CommandError& error) {
        return {"libcoir-legacy", Check::Level::note, error.what(),
                "only `coir run --legacy` needs it: build with -Dlegacy=true, and install"};
    }
}

std::vector<Check> make_checks() {
    const Probed probed = probe_everything();
    const MachineFacts facts = read_machine_facts();
    std::vector<Check> checks = {{"kernel", Check::Level::ok, facts.kernel, {}}};
    bool has_ring = false;
    for (const ProbedReactor& reactor : probed.reactors) {
        if (!reactor.automatic()) continue;
        checks.push_back(check_reactor(reactor));
        has_ring = has_ring || (reactor.usable && reactor.name == "io_uring");
    }
    for (Check& check : std::vector<Check>{
             check_choice(probed.choice), check_record(), check_open_files(facts),
             check_locked_memory(facts, has_ring), check_mappings(facts), check_overcommit(),
             check_container(facts), check_quota(facts), check_governor(facts), check_legacy()}) {
        checks.push_back(std::move(check));
    }
    return checks;
}

bool has_problem(const std::vector<Check>& checks) {
    return std::any_of(checks.begin(), checks.end(),
                       [](const Check& check) { return check.level == Check::Level::problem; });
}

std::string format_text(const std::vector<Check>& checks) {
    const bool colours = stdout_has_colour();
    constexpr std::size_t level_width = 9;
    std::size_t width = 0;
    for (const Check& check : checks) width = std::max(width, check.what.size());
    const std::size_t column = level_width + width + 2;
    std::string text;
    for (const Check& check : checks) {
        const Colour colour = check.level == Check::Level::ok     ? Colour::green
                              : check.level == Check::Level::note ? Colour::yellow
                                                                  : Colour::red;
        std::string level = name_of(check.level);
        level.resize(level_width, ' ');
        std::string what = check.what;
        what.resize(width + 2, ' ');
        // Words joined by '|' would never be broken otherwise.
        std::string found = check.found;
        std::replace(found.begin(), found.end(), '|', ' ');
        text += coloured(level, colour, colours) + what + wrapped(found, column) + "\n";
        if (!check.advice.empty()) {
            text += std::string(column, ' ') + wrapped("what to do: " + check.advice, column) + "\n";
        }
    }
    return text;
}

std::string format_json(const std::vector<Check>& checks) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.doctor/1").field("coir", std::string(coir::version()));
    json.field("problem", has_problem(checks)).key("checks").open('[');
    for (const Check& check : checks) {
        json.open('{').field("what", check.what).field("level", name_of(check.level));
        json.field("found", check.found);
        if (!check.advice.empty()) json.field("advice", check.advice);
        json.close('}');
    }
    json.close(']').close('}');
    return json.text() + "\n";
}

}  // namespace

int doctor_command(const DoctorOptions& options) {
    const std::vector<Check> checks = make_checks();
    write_stdout(options.json ? format_json(checks) : format_text(checks));
    return has_problem(checks) ? exit_failure : exit_ok;
}

}  // namespace coir_tool
