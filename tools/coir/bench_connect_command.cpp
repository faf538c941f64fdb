// SPDX-License-Identifier: BSL-1.0
// coir bench http and coir bench resp: servers that are already running, in interleaved rounds.
#include "bench/measured_message.hpp"
#include "bench/process_facts.hpp"
#include "bench/rounds.hpp"
#include "bench/scenarios/served_workload.hpp"
#include "bench_run.hpp"
#include "descriptor_limit.hpp"
#include "numbers.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "server_address.hpp"
#include "text.hpp"

#include "support/machine.hpp"
#include "support/request_load.hpp"

#include <algorithm>
#include <functional>

namespace coir_tool {
namespace {

struct Target {
    ServerAddress address;
    int pid = 0;  ///< 0: not told
};

using MakeProtocol =
    std::function<std::unique_ptr<coir_bench::RequestProtocol>(const ServerAddress&)>;

struct ConnectPlan {
    std::string scenario;  ///< "http"
    std::string asked;     ///< "GET /"
    MakeProtocol protocol;
    std::vector<Target> targets;
    std::vector<std::size_t> connections = {64};
    std::size_t pipeline = 1;
    std::size_t rounds = 5;
    double seconds = 1;
};

std::vector<Target> parse_targets(const ConnectOptions& options) {
    if (options.servers.empty()) throw UsageError("--connect HOST:PORT is needed");
    if (!options.pids.empty() && options.pids.size() != options.servers.size()) {
        throw UsageError("--pid is to be given as often as --connect, or not at all");
    }
    std::vector<Target> targets;
    for (std::size_t i = 0; i < options.servers.size(); ++i) {
        const std::string& server = options.servers[i];
        if (std::count(options.servers.begin(), options.servers.end(), server) > 1) {
            throw UsageError("--connect names " + in_quotes(server) + " twice");
        }
        Target target;
        if (!options.pids.empty()) {
            target.pid = static_cast<int>(parse_count("--pid", options.pids[i], 1, 1 << 30));
        }
        target.address = reach_server("--connect", server);
        if (target.pid != 0) {
            try {
                read_process_facts(target.pid);
            } catch (const std::exception&) {
                throw CommandError(exit_failure, "--pid: there is no process " + options.pids[i]);
            }
        }
        targets.push_back(target);
    }
    return targets;
}

void parse_plan(const ConnectOptions& options, ConnectPlan& plan) {
    if (options.connections) plan.connections = parse_connections(*options.connections);
    for (const std::size_t count : plan.connections) check_descriptors_for(count);
    if (options.pipeline) plan.pipeline = parse_count("--pipeline", *options.pipeline, 1, 1000);
    if (options.rounds) plan.rounds = parse_count("--rounds", *options.rounds, 1, 1000);
    if (options.seconds) plan.seconds = parse_seconds("--seconds", *options.seconds, 0.01, 3600);
    if (options.output) check_writable(*options.output);
    plan.targets = parse_targets(options);
}

Measured measure_target(InterruptWatch& interrupt, const ConnectPlan& plan, const Target& target,
                        std::size_t connections, double seconds) {
    return measure_in_child(interrupt, seconds, [&] {
               coir_bench::raise_descriptor_limit();
               // Of the server nothing is known: it may run anywhere.
               coir_bench::pin_to_allowed_cpu(1);
               coir_bench::RequestLoadPlan load;
               load.address = target.address.address;
               load.address_size = target.address.size;
               load.connections = connections;
               load.pipeline = plan.pipeline;
               // Never destroyed: the child's exit is its end.
               coir_bench::Load& running =
                   *coir_bench::make_request_load(load, plan.protocol(target.address)).release();
               return std::vector{measure_load(running, target.pid, seconds)};
           }).at(0);
}

Workload workload_of(const ConnectPlan& plan, std::size_t connections) {
    Workload workload;
    workload.scenario = plan.scenario;
    workload.title = plan.asked + ", closed loop";
    if (plan.pipeline > 1) workload.title += ", " + std::to_string(plan.pipeline) + " requests at once";
    workload.cases = {{connections_phrase(connections), "requests/s", true, "connections",
                       static_cast<double>(connections)}};
    workload.measure = [&plan, connections](InterruptWatch& interrupt, const Subject& subject,
                                            double seconds) {
        for (const Target& target : plan.targets) {
            if (target.address.name != subject.name) continue;
            return std::vector{measure_target(interrupt, plan, target, connections, seconds)};
        }
        throw std::logic_error("no such server");
    };
    return workload;
}

int run(const ConnectOptions& options, const ConnectPlan& plan) {
    BenchResult result = begin_result(options.command, plan.seconds, plan.rounds);
    result.notes.emplace_back("The load generator runs on epoll, on one CPU; load CPU/op (--wide) says "
                              "how much of it a request needs.");
    std::vector<Job> jobs;
    for (const std::size_t connections : plan.connections) {
        Job job{workload_of(plan, connections), {}};
        for (const Target& target : plan.targets) {
            job.subjects.push_back({target.address.name, Subject::Kind::server, {}, {}});
        }
        jobs.push_back(std::move(job));
    }
    Progress progress;
    NoiseGuard noise;
    RoundPlan rounds;
    rounds.seconds = plan.seconds;
    rounds.rounds = plan.rounds;
    rounds.progress = [&](std::size_t done, std::size_t all, const std::string& next) {
        progress.show(static_cast<double>(done) / static_cast<double>(all), next);
    };
    std::optional<InterruptedBySignal> interrupted;
    InterruptWatch interrupt;
    result.cases = run_rounds(interrupt, jobs, rounds, noise, interrupted);
    if (interrupted) result.interrupted_by = interrupted->signo;
    result.noise = noise.finish();
    progress.clear();
    return deliver_result(result, {options.output, options.json, options.wide});
}

bool is_printable(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return static_cast<unsigned char>(letter) > ' ' && letter != '\x7f';
    });
}

}  // namespace

int bench_http_command(const ConnectOptions& options) {
    const std::string path = options.request.value_or("/");
    if (!path.starts_with("/") || !is_printable(path) || path.size() > 8000) {
        throw UsageError("--path takes a path such as /index.html without spaces, got " +
                         in_quotes(path));
    }
    ConnectPlan plan;
    plan.scenario = "http";
    plan.asked = "GET " + path;
    plan.protocol = [path](const ServerAddress& server) {
        return coir_bench::make_http_protocol(server.name, path);
    };
    parse_plan(options, plan);
    return run(options, plan);
}

int bench_resp_command(const ConnectOptions& options) {
    const std::string command = options.request.value_or("PING");
    if (command.find_first_not_of(' ') == std::string::npos || command.size() > (1 << 20)) {
        throw UsageError("--command takes a command of Redis such as 'GET key', got " +
                         in_quotes(command));
    }
    ConnectPlan plan;
    plan.scenario = "resp";
    plan.asked = command.substr(0, 60);
    plan.protocol = [command](const ServerAddress&) {
        return coir_bench::make_resp_protocol(command);
    };
    parse_plan(options, plan);
    return run(options, plan);
}

}  // namespace coir_tool
