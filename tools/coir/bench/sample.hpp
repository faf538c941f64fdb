// SPDX-License-Identifier: BSL-1.0
// What is measured: one sample a round, with the same metrics whatever the scenario.
#pragma once

#include "support/histogram.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <memory>

namespace coir_tool {

/// A metric that was not measured.
inline constexpr double absent = std::numeric_limits<double>::quiet_NaN();
inline bool is_absent(double value) { return std::isnan(value); }

/// One case of a workload in one round. Crosses a pipe as it is.
struct Sample {
    double value = 0;       ///< in the case's unit
    double operations = 0;  ///< that were timed
    double cpu_ns_per_op = absent;  ///< of the process under test, its kernel workers included
    double polls_per_op = absent;   ///< turns of the loop that looked at the kernel
    double syscalls_per_op = absent;
    double switches_per_op = absent;  ///< context switches, of both kinds
    double rss_bytes = absent;        ///< of the process under test, at the end
    double load_cpu_ns_per_op = absent;  ///< of the load generator
    double lost_share = absent;          ///< of all requests, that were never answered
    double late_share = absent;          ///< of all requests, that were sent behind schedule
    double p50_ns = absent, p90_ns = absent, p99_ns = absent, p999_ns = absent, max_ns = absent;
};

enum class Quantity : unsigned char { nanoseconds, number, bytes };

struct Metric {
    const char* name;     ///< in JSON
    const char* heading;  ///< in tables
    Quantity quantity;
    double Sample::*field;
};

/// Everything but the value itself. Less is better, in all.
inline constexpr std::array<Metric, 13> metrics{{
    {"cpu_ns_per_op", "CPU/op", Quantity::nanoseconds, &Sample::cpu_ns_per_op},
    {"p50_ns", "p50", Quantity::nanoseconds, &Sample::p50_ns},
    {"p90_ns", "p90", Quantity::nanoseconds, &Sample::p90_ns},
    {"p99_ns", "p99", Quantity::nanoseconds, &Sample::p99_ns},
    {"p999_ns", "p99.9", Quantity::nanoseconds, &Sample::p999_ns},
    {"max_ns", "max", Quantity::nanoseconds, &Sample::max_ns},
    {"polls_per_op", "polls/op", Quantity::number, &Sample::polls_per_op},
    {"syscalls_per_op", "calls/op", Quantity::number, &Sample::syscalls_per_op},
    {"switches_per_op", "switches/op", Quantity::number, &Sample::switches_per_op},
    {"rss_bytes", "memory", Quantity::bytes, &Sample::rss_bytes},
    {"load_cpu_ns_per_op", "load CPU/op", Quantity::nanoseconds, &Sample::load_cpu_ns_per_op},
    {"lost_share", "lost", Quantity::number, &Sample::lost_share},
    {"late_share", "sent late", Quantity::number, &Sample::late_share},
}};

/// What one measurement of a case brings home.
struct Measured {
    Sample sample;
    /// Of each operation, in nanoseconds; null where none is measured.
    std::shared_ptr<const coir_bench::Histogram> latency;
};

/// Fills the percentiles in.
void set_latency(Measured& measured, std::shared_ptr<const coir_bench::Histogram> latency);

}  // namespace coir_tool
