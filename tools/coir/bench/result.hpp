// SPDX-License-Identifier: BSL-1.0
// A run of `coir bench`: what its file holds, and what every report is made of.
#pragma once

#include "machine_facts.hpp"
#include "noise.hpp"
#include "workload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace coir_tool {

/// How many operations took at most `ns`.
struct LatencyPoint {
    double ns = 0;
    std::uint64_t count = 0;
};

/// One subject in one case.
struct Series {
    Subject subject;
    std::vector<Sample> rounds;  ///< with the same index for all subjects of the case
    std::string failure;         ///< why it was given up; empty: it was not
    /// Of all rounds together, by rising time; empty where no latency is measured.
    std::vector<LatencyPoint> latency;

    bool has_results() const { return failure.empty() && !rounds.empty(); }
};

struct CaseResult {
    std::string scenario;
    std::string title;
    CaseInfo info;
    std::size_t rounds = 0;      ///< that are complete for all that did not fail
    std::vector<Series> series;  ///< the first that has results is the base

    std::string full_name() const { return scenario + "/" + info.name; }
    /// What the others are compared with; null when there are no results.
    const Series* base() const {
        for (const Series& one : series) {
            if (one.has_results()) return &one;
        }
        return nullptr;
    }
};

struct LeftOut {
    std::string name;
    std::string reason;
};

struct BenchResult {
    std::string version;  ///< of coir
    std::string date;     ///< "2026-01-31T12:00:00Z"
    std::string command;  ///< how it was called
    MachineFacts machine;
    std::string load_start;  ///< load averages
    std::string load_end;
    Noise noise;
    double seconds = 0;              ///< of a round
    std::size_t rounds = 0;          ///< that were asked for
    int interrupted_by = 0;          ///< the signal that ended it early; 0: none did
    std::vector<std::string> notes;  ///< what the figures do not say by themselves
    std::vector<LeftOut> left_out;   ///< reactors and peers that are not here, and why
    std::vector<CaseResult> cases;   ///< those of one scenario follow each other
};

}  // namespace coir_tool
