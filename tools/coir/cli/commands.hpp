// SPDX-License-Identifier: BSL-1.0
// Every command of coir, with its options and its texts.
#pragma once

#include "cli/command_info.hpp"

namespace coir_tool {

/// Where the options of all commands go.
struct Options {
    ReactorsOptions reactors;
    ReactorsTestOptions reactors_test;
    BenchOptions bench;
    ConnectOptions http;
    ConnectOptions resp;
    ShowOptions show;
    CompareOptions compare;
    ReportOptions report;
    PickOptions pick;
    RunOptions run;
    AuditOptions audit;
    SimulateOptions sim;
    DoctorOptions doctor;
    ConfigOptions config;
    std::vector<std::string> shells;
    bool version = false;
};

/// coir sim (sim_info.cpp).
CommandInfo sim_info(SimulateOptions& options);
/// The command coir itself, and those below it. They point into `all`.
CommandInfo make_commands(Options& all);

}  // namespace coir_tool
