// SPDX-License-Identifier: BSL-1.0
// Fails every call and every allocation of coir, one after another, in many small programs.
//
//   fault-sweeps --reactor epoll                      all scenarios, all points
//   fault-sweeps --reactor epoll --seconds 5          a part of them, scattered
//   fault-sweeps --reactor epoll --scenario gather    one scenario
//   ... --scenario gather --kind memory --at 17       one point, in this process, for a debugger
//   fault-sweeps --reactor epoll --sandboxes          where the kernel itself denies things
//   ... --scenario server --outside                   once, for faults that somebody else injects
#include "attempt.hpp"
#include "sandbox.hpp"
#include "sweep.hpp"

#include <coir/log.hpp>
#include <coir/reactors.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

using namespace coir_faults;

struct Arguments {
    std::string reactor = "epoll";
    std::string scenario;
    std::string kind;
    double seconds = 0;
    bool list = false;
    bool sandboxes = false;
    bool outside = false;
    bool verbose = false;
    Plan plan;
};

[[noreturn]] void usage(const std::string& what) {
    std::fprintf(stderr,
                 "fault-sweeps: %s\nusage: fault-sweeps [--list] [--reactor R] [--scenario S] [--kind "
                 "calls|memory] [--seconds N] [--at K [--variant V] [--persistent]] [--verbose]\n",
                 what.c_str());
    std::exit(2);
}

Arguments read_arguments(int argc, char** argv) {
    Arguments read;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto value = [&]() -> const char* {
            if (++i == argc) usage(std::string(name) + " wants a value");
            return argv[i];
        };
        if (name == "--reactor") read.reactor = value();
        else if (name == "--scenario") read.scenario = value();
        else if (name == "--kind") read.kind = value();
        else if (name == "--seconds") read.seconds = std::atof(value());
        else if (name == "--at") read.plan.first = std::strtoull(value(), nullptr, 10);
        else if (name == "--variant") read.plan.variant = static_cast<unsigned>(std::atoi(value()));
        else if (name == "--persistent") read.plan.persistent = true;
        else if (name == "--verbose") read.verbose = true;
        else if (name == "--list") read.list = true;
        else if (name == "--sandboxes") read.sandboxes = true;
        else if (name == "--outside") read.outside = true;
        else usage("what is " + std::string(name) + "?");
    }
    if (!read.kind.empty() && read.kind != "calls" && read.kind != "memory") usage("--kind calls or memory");
    read.plan.kind = read.kind == "memory" ? Kind::memory : Kind::calls;
    return read;
}

std::vector<Scenario> wanted_scenarios(const Arguments& arguments) {
    std::vector<Scenario> wanted;
    for (const auto& group : {task_scenarios, sync_scenarios, net_scenarios, system_scenarios}) {
        for (const Scenario& one : group) {
            if (arguments.scenario.empty() || arguments.scenario == one.name) wanted.push_back(one);
        }
    }
    if (wanted.empty()) usage("there is no scenario '" + arguments.scenario + "' (--list)");
    return wanted;
}

int run_one(const Scenario& scenario, const Arguments& arguments) {
    Plan none;
    none.kind = arguments.plan.kind;
    for (int i = 0; i < 3; ++i) try_once(scenario, arguments.reactor, none);
    const Attempt attempt = try_once(scenario, arguments.reactor, arguments.plan);
    std::printf("%s: %llu points, failed: %s; ended with %s; %s\n", scenario.name,
                static_cast<unsigned long long>(attempt.points), attempt.failed.c_str(), attempt.ended.c_str(),
                attempt.wrong.empty() ? "right" : attempt.wrong.c_str());
    const Attempt after = try_once(scenario, arguments.reactor, none);
    std::printf("afterwards: %s\n", after.wrong.empty() ? "right" : after.wrong.c_str());
    return attempt.wrong.empty() && after.wrong.empty() ? 0 : 1;
}

int run_outside(const std::vector<Scenario>& scenarios, const Arguments& arguments) {
    int status = 0;
    for (const Scenario& scenario : scenarios) {
        const Attempt attempt = try_outside_faults(scenario, arguments.reactor, true);
        std::printf("%s: %s; %s\n", scenario.name, attempt.ended.c_str(),
                    attempt.wrong.empty() ? "right" : attempt.wrong.c_str());
        if (!attempt.wrong.empty()) status = 1;
    }
    return status;
}

int run_in_sandboxes(const std::vector<Scenario>& scenarios, const Arguments& arguments) {
    std::filesystem::permissions(own_folder(), std::filesystem::perms::all);
    const SandboxResult result = run_sandboxes(scenarios, arguments.reactor);
    std::printf("coir-tests: %u passed, %u failed, %u skipped\n", result.runs - result.wrong, result.wrong,
                result.skipped);
    return result.wrong == 0 ? 0 : 1;
}

std::string unusable(const std::string& wanted) {
    for (const coir::ReactorInfo& info : coir::list_reactors()) {
        if (info.name == wanted) return info.usable ? "" : info.reason;
    }
    return "no such reactor";
}

int run_all(const std::vector<Scenario>& scenarios, const Arguments& arguments) {
    SweepOptions options;
    options.reactor = arguments.reactor;
    std::vector<Kind> kinds = {Kind::calls, Kind::memory};
    if (!arguments.kind.empty()) kinds = {arguments.plan.kind};
    if (arguments.seconds > 0) {
        const double each = arguments.seconds * 1000 / static_cast<double>(scenarios.size() * kinds.size());
        options.budget = std::chrono::milliseconds(std::max(1, static_cast<int>(each)));
    }
    unsigned passed = 0;
    unsigned failed = 0;
    SweepResult all;
    for (const Scenario& scenario : scenarios) {
        for (const Kind kind : kinds) {
            const SweepResult result = sweep(scenario, kind, options);
            ++(result.wrong == 0 ? passed : failed);
            all.points += result.points;
            all.runs += result.runs;
            all.wrong += result.wrong;
            if (!arguments.verbose && result.wrong == 0) continue;
            std::printf("%-22s %-7s %5llu points, %6llu runs, %llu wrong\n", scenario.name,
                        kind == Kind::calls ? "calls" : "memory", static_cast<unsigned long long>(result.points),
                        static_cast<unsigned long long>(result.runs), static_cast<unsigned long long>(result.wrong));
        }
    }
    std::printf("%s: %llu points, %llu runs with a fault, %llu wrong\n", arguments.reactor.c_str(),
                static_cast<unsigned long long>(all.points), static_cast<unsigned long long>(all.runs),
                static_cast<unsigned long long>(all.wrong));
    std::printf("coir-tests: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace

const std::string& coir_faults::own_folder() {
    struct Folder {
        std::string path = "/tmp/coir-faults-" + std::to_string(::getpid());
        pid_t owner = ::getpid();
        Folder() { std::filesystem::create_directory(path); }
        ~Folder() {
            std::error_code ignored;
            if (::getpid() == owner) std::filesystem::remove_all(path, ignored);
        }
    };
    static const Folder folder;
    return folder.path;
}

int main(int argc, char** argv) {
    const Arguments arguments = read_arguments(argc, argv);
    const std::vector<Scenario> scenarios = wanted_scenarios(arguments);
    if (arguments.list) {
        for (const Scenario& one : scenarios) std::printf("%s\n", one.name);
        return 0;
    }
    // A list has its own way out.
    const bool is_list = arguments.reactor.find(',') != std::string::npos;
    const std::string obstacle = is_list ? "" : unusable(arguments.reactor);
    if (!obstacle.empty()) {
        std::printf("skipped: reactor %s: %s\ncoir-tests: 0 passed, 0 failed, 1 skipped\n",
                    arguments.reactor.c_str(), obstacle.c_str());
        return 77;
    }
    own_folder();
    // What is reported, for instance a task that nobody awaited, is not of interest here.
    if (!arguments.verbose) coir::set_log_handler([](coir::LogLevel, std::string_view) {});
    if (arguments.plan.first != 0) {
        if (scenarios.size() != 1) usage("--at wants --scenario");
        return run_one(scenarios.front(), arguments);
    }
    if (arguments.sandboxes) return run_in_sandboxes(scenarios, arguments);
    if (arguments.outside) return run_outside(scenarios, arguments);
    return run_all(scenarios, arguments);
}
