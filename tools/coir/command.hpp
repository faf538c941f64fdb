// SPDX-License-Identifier: BSL-1.0
// The subcommands of coir, the options they are called with, and how they fail.
//
// Values of options come as they were typed; the subcommand parses them, so that every message says
// what was got and what is allowed. Results go to stdout, everything else to stderr.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace coir_tool {

/// The exit statuses of coir, as documented in its manual page.
enum ExitStatus : int {
    exit_ok = 0,
    exit_failure = 1,  ///< `coir audit`: something is not covered
    exit_usage = 2,    ///< `coir audit`: a file cannot be read
    exit_unavailable = 3,       ///< what was asked for cannot be had here: a reactor, --threads-as-tasks
    exit_regression = 4,  ///< `coir bench compare`: something is worse beyond noise
    exit_not_executable = 126,  ///< `coir run`: the program is there, but cannot be run
    exit_not_found = 127,       ///< `coir run`: no such program
    // 128 + signal: 130 after Ctrl-C, 143 after SIGTERM.
};

/// Ends the command with one line on stderr.
class CommandError : public std::runtime_error {
public:
    CommandError(int status, const std::string& what) : std::runtime_error(what), status_(status) {}
    int status() const noexcept { return status_; }

private:
    int status_;
};

/// A command line that cannot be obeyed.
class UsageError : public CommandError {
public:
    explicit UsageError(const std::string& what) : CommandError(exit_usage, what) {}
};

/// An option's value; nothing when it was not given.
using OptionText = std::optional<std::string>;

struct ReactorsOptions {
    bool json = false;
};

struct ReactorsTestOptions {
    std::vector<std::string> reactors;  ///< names, and libraries that register some
    OptionText operation;
    bool json = false;
};

struct BenchOptions {
    std::string command;  ///< as it was called, for the file
    std::vector<std::string> scenarios;
    OptionText reactor;
    OptionText rounds;
    OptionText seconds;
    OptionText connections;
    OptionText size;
    OptionText output;
    bool no_baselines = false;
    bool peers = false;
    bool wide = false;
    bool json = false;
};

struct PickOptions {
    OptionText workload;
    OptionText goal;
    OptionText connections;
    OptionText size;
    OptionText reactor;
    OptionText budget;
    bool quick = false;
    bool explain = false;
    OptionText write;  ///< "" when given without a value
    bool json = false;
};

/// coir bench http and coir bench resp.
struct ConnectOptions {
    std::string command;  ///< as it was called, for the file
    std::vector<std::string> servers;
    std::vector<std::string> pids;
    OptionText request;  ///< a path, or a command of Redis
    OptionText pipeline;
    OptionText connections;
    OptionText rounds;
    OptionText seconds;
    OptionText output;
    bool wide = false;
    bool json = false;
};

struct ShowOptions {
    std::vector<std::string> files;
    bool wide = false;
};

struct CompareOptions {
    std::vector<std::string> files;  ///< old, new
    OptionText threshold;
    bool json = false;
};

struct ReportOptions {
    std::vector<std::string> files;
    bool html = false;
    OptionText hgrm;    ///< a folder for latency distributions
    OptionText output;  ///< nothing: standard output
};

struct RunOptions {
    OptionText reactor;
    OptionText legacy;                      ///< categories, or "true" for all
    std::vector<std::string> legacy_given;  ///< the same as it was typed, each time
    bool force = false;
    bool threads_as_tasks = false;
    std::vector<std::string> program;
};

struct AuditOptions {
    std::vector<std::string> files;
    std::vector<std::string> allow;
    bool deps = false;
    bool strict = false;
    bool quiet = false;
    bool json = false;
};

struct DoctorOptions {
    bool json = false;
};

/// coir sim.
struct SimulateOptions {
    std::vector<std::string> scenario;  ///< one at most
    OptionText seed;
    OptionText count;
    OptionText jobs;
    OptionText replay;
    bool minimise = false;
    bool trace = false;
    bool json = false;
};

struct ConfigOptions {
    bool json = false;
};

/// The operations of the conformance matrix.
std::vector<std::string> matrix_operations();

// Each returns the exit status, or throws CommandError.
int reactors_command(const ReactorsOptions& options);
int reactors_test_command(const ReactorsTestOptions& options);
int bench_command(const BenchOptions& options);
int bench_http_command(const ConnectOptions& options);
int bench_resp_command(const ConnectOptions& options);
int bench_list_command();
int bench_show_command(const ShowOptions& options);
int bench_compare_command(const CompareOptions& options);
int bench_report_command(const ReportOptions& options);
int pick_command(const PickOptions& options);
int run_command(const RunOptions& options);
int audit_command(const AuditOptions& options);
int sim_command(const SimulateOptions& options);
int sim_list_command();
int doctor_command(const DoctorOptions& options);
int config_command(const ConfigOptions& options);

}  // namespace coir_tool
