// SPDX-License-Identifier: BSL-1.0
#include "bench_run.hpp"

#include "bench/result_file.hpp"
#include "bench/text_report.hpp"
#include "dates.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "output_file.hpp"
#include "text.hpp"

#include "support/machine.hpp"

#include <coir/version.hpp>

#include <algorithm>

namespace coir_tool {
namespace {

// Baselines and peers that this machine lacks are no failure of the run.
bool any_failed(const BenchResult& result) {
    for (const CaseResult& one : result.cases) {
        for (const Series& series : one.series) {
            const bool asked_for = series.subject.kind == Subject::Kind::reactor ||
                                   series.subject.kind == Subject::Kind::server;
            if (!series.failure.empty() && asked_for) return true;
        }
    }
    return false;
}

}  // namespace

std::vector<std::size_t> parse_connections(const std::string& text) {
    std::vector<std::size_t> counts;
    for (const std::string& item : split_list("--connections", text)) {
        const std::size_t count = parse_count("--connections", item, 1, 100'000);
        if (std::count(counts.begin(), counts.end(), count) != 0) {
            throw UsageError("--connections names " + in_quotes(item) + " twice");
        }
        counts.push_back(count);
    }
    return counts;
}

BenchResult begin_result(const std::string& command, double seconds, std::size_t rounds) {
    BenchResult result;
    result.version = coir::version();
    result.date = date_now();
    result.command = command;
    result.machine = read_machine_facts();
    result.seconds = seconds;
    result.rounds = rounds;
    result.load_start = coir_bench::load_average();
    return result;
}

int deliver_result(BenchResult& result, const Delivery& delivery) {
    result.load_end = coir_bench::load_average();
    if (delivery.output) write_file(*delivery.output, format_bench_json(result));
    write_stdout(delivery.json ? format_bench_json(result)
                               : format_bench_text(result, {stdout_has_colour(), locale_is_utf8(),
                                                            delivery.wide}));
    if (result.interrupted_by != 0) {
        note("interrupted: rounds that were not complete are left out");
        return 128 + result.interrupted_by;
    }
    return any_failed(result) ? exit_failure : exit_ok;
}

}  // namespace coir_tool
