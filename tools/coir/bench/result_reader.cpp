// SPDX-License-Identifier: BSL-1.0
// The only file that knows nlohmann/json, which takes long to compile.
#include "result_file.hpp"

#include "command.hpp"
#include "text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>

namespace coir_tool {
namespace {

using JsonValue = nlohmann::json;

double number_or_absent(const JsonValue& json) { return json.is_null() ? absent : json.get<double>(); }

Limit read_limit(const JsonValue& limits, const std::string& name) {
    return {limits.at(name + "_soft").get<std::string>(), limits.at(name + "_hard").get<std::string>()};
}

template <class Number>
std::optional<Number> read_optional(const JsonValue& json, const char* name) {
    if (!json.contains(name)) return std::nullopt;
    return json.at(name).get<Number>();
}

MachineFacts read_machine(const JsonValue& json) {
    MachineFacts facts;
    json.at("kernel").get_to(facts.kernel);
    json.at("cpu").get_to(facts.processor);
    json.at("cpus").get_to(facts.processors);
    json.at("fingerprint").get_to(facts.fingerprint);
    json.at("compiler").get_to(facts.compiler);
    const JsonValue& limits = json.at("limits");
    facts.open_files = read_limit(limits, "nofile");
    facts.locked_memory = read_limit(limits, "memlock");
    facts.io_uring_disabled = read_optional<int>(limits, "io_uring_disabled");
    facts.max_map_count = read_optional<std::uint64_t>(limits, "max_map_count");
    for (const auto& [name, value] : json.at("details").items()) {
        facts.details.push_back({name, value.get<std::string>()});
    }
    return facts;
}

Subject::Kind read_kind(const std::string& name) {
    if (name == "reactor") return Subject::Kind::reactor;
    if (name == "baseline") return Subject::Kind::baseline;
    if (name == "peer") return Subject::Kind::peer;
    if (name == "server") return Subject::Kind::server;
    throw std::runtime_error("unknown kind " + in_quotes(name));
}

void read_rounds(const JsonValue& rounds, const char* name, std::vector<Sample>& samples,
                 double Sample::*field) {
    if (!rounds.contains(name)) return;
    const JsonValue& values = rounds.at(name);
    if (values.size() != samples.size()) {
        throw std::runtime_error("rounds of different numbers");
    }
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i].*field = number_or_absent(values[i]);
}

Series read_series(const JsonValue& json) {
    Series series;
    json.at("name").get_to(series.subject.name);
    series.subject.kind = read_kind(json.at("kind").get<std::string>());
    series.subject.version = json.value("version", "");
    series.failure = json.value("error", "");
    if (json.contains("rounds")) {
        const JsonValue& rounds = json.at("rounds");
        const auto values = rounds.at("value").get<std::vector<double>>();
        for (const double value : values) {
            series.rounds.emplace_back();
            series.rounds.back().value = value;
        }
        read_rounds(rounds, "operations", series.rounds, &Sample::operations);
        for (const Metric& metric : metrics) {
            read_rounds(rounds, metric.name, series.rounds, metric.field);
        }
    }
    if (json.contains("latency")) {
        for (const JsonValue& point : json.at("latency")) {
            series.latency.push_back({point.at(0).get<double>(), point.at(1).get<std::uint64_t>()});
        }
    }
    return series;
}

CaseResult read_case(const JsonValue& json) {
    CaseResult result;
    json.at("scenario").get_to(result.scenario);
    json.at("title").get_to(result.title);
    json.at("name").get_to(result.info.name);
    json.at("unit").get_to(result.info.unit);
    result.info.higher_is_better = json.at("better").get<std::string>() == "higher";
    if (json.contains("axis")) {
        json.at("axis").at("name").get_to(result.info.axis);
        json.at("axis").at("at").get_to(result.info.at);
    }
    json.at("complete_rounds").get_to(result.rounds);
    for (const JsonValue& series : json.at("series")) {
        result.series.push_back(read_series(series));
        const Series& read = result.series.back();
        if (read.has_results() && read.rounds.size() != result.rounds) {
            throw std::runtime_error("rounds of different numbers");
        }
    }
    return result;
}

BenchResult read_result(const JsonValue& json) {
    BenchResult result;
    json.at("coir").get_to(result.version);
    json.at("date").get_to(result.date);
    json.at("command").get_to(result.command);
    json.at("rounds").get_to(result.rounds);
    json.at("seconds").get_to(result.seconds);
    json.at("interrupted_by").get_to(result.interrupted_by);
    result.machine = read_machine(json.at("machine"));
    json.at("load_start").get_to(result.load_start);
    json.at("load_end").get_to(result.load_end);
    const JsonValue& noise = json.at("noise");
    noise.at("spin_spread").get_to(result.noise.spin_spread);
    noise.at("steal_share").get_to(result.noise.steal_share);
    noise.at("others_share").get_to(result.noise.others_share);
    json.at("notes").get_to(result.notes);
    for (const JsonValue& left_out : json.at("left_out")) {
        result.left_out.push_back({left_out.at("name").get<std::string>(),
                                   left_out.at("reason").get<std::string>()});
    }
    for (const JsonValue& one : json.at("cases")) result.cases.push_back(read_case(one));
    return result;
}

// The library's messages begin with a number in brackets.
std::string plain(const std::string& message) {
    const std::size_t end = message.find("] ");
    return message.starts_with("[") && end != std::string::npos ? message.substr(end + 2) : message;
}

JsonValue parse(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw UsageError(in_quotes(path) + " cannot be read: it is a directory");
    }
    errno = 0;
    std::ifstream file(path);
    if (!file) throw UsageError(in_quotes(path) + " cannot be read: " + std::strerror(errno));
    try {
        return JsonValue::parse(file);
    } catch (const JsonValue::exception& failure) {
        throw UsageError(in_quotes(path) + " is no file of `coir bench --json`: " +
                         in_quotes(plain(failure.what())));
    }
}

}  // namespace

BenchResult read_bench_file(const std::string& path) {
    const JsonValue json = parse(path);
    try {
        const std::string schema = json.is_object() ? json.value("schema", "") : "";
        if (schema != bench_schema) {
            throw UsageError(in_quotes(path) + " has the schema " + in_quotes(schema) +
                             "; allowed: " + bench_schema);
        }
        return read_result(json);
    } catch (const std::exception& failure) {
        if (dynamic_cast<const UsageError*>(&failure)) throw;
        throw UsageError(in_quotes(path) + " is no whole file of `coir bench --json`: " +
                         in_quotes(plain(failure.what())));
    }
}

}  // namespace coir_tool
