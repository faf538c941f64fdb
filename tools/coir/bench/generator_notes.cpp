// SPDX-License-Identifier: BSL-1.0
#include "generator_notes.hpp"

#include "summary.hpp"
#include "table.hpp"
#include "text.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

struct Rate {
    const Series* series = nullptr;
    double answers = 0;  ///< per second
    double load_cpu_ns = 0;
};

bool has_generator(const Sample& typical) {
    return !is_absent(typical.load_cpu_ns_per_op) && typical.load_cpu_ns_per_op > 0;
}

std::string capacity_note(const CaseResult& one, const Rate& fastest) {
    return one.full_name() + ": the load generator has CPU time for " +
           format_short(1e9 / fastest.load_cpu_ns) + "/s, the fastest server, " +
           fastest.series->subject.name + ", answered " + format_short(fastest.answers) + "/s.";
}

std::string warning(const CaseResult& one, const std::vector<std::string>& names) {
    return one.full_name() + ": the load generator used more CPU time per request than " +
           listed(names) + ": it may be the limit there, not the server.";
}

// In an open loop the generator has a schedule instead of a limit.
void append_lateness(const CaseResult& one, std::vector<std::string>& notes) {
    constexpr double tolerable = 0.01;
    double worst = 0;
    for (const Series& series : one.series) {
        if (!series.has_results()) continue;
        const double late = summarise(series.rounds).typical.late_share;
        if (!is_absent(late)) worst = std::max(worst, late);
    }
    if (worst < tolerable) return;
    notes.push_back(one.full_name() + ": up to " + format_fixed(100 * worst, 0) +
                    " % of the messages were sent more than 0.1 ms late, and then at once; the "
                    "latencies count from when they were due.");
}

void append_limits(const CaseResult& one, std::vector<std::string>& notes) {
    Rate fastest;
    std::vector<std::string> cheaper;
    for (const Series& series : one.series) {
        if (!series.has_results()) continue;
        const Summary summary = summarise(series.rounds);
        if (!has_generator(summary.typical)) continue;
        if (summary.median > fastest.answers) {
            fastest = {&series, summary.median, summary.typical.load_cpu_ns_per_op};
        }
        if (summary.typical.load_cpu_ns_per_op > summary.typical.cpu_ns_per_op) {
            cheaper.push_back(series.subject.name);
        }
    }
    if (fastest.series) notes.push_back(capacity_note(one, fastest));
    if (!cheaper.empty()) notes.push_back(warning(one, cheaper));
}

}  // namespace

std::vector<std::string> generator_notes(const std::vector<CaseResult>& cases) {
    std::vector<std::string> notes;
    for (const CaseResult& one : cases) {
        if (one.info.higher_is_better) append_limits(one, notes);
        append_lateness(one, notes);
    }
    return notes;
}

}  // namespace coir_tool
