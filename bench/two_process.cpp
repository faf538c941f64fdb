// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/arguments.hpp"
#include "support/child_process.hpp"
#include "support/json.hpp"
#include "support/machine.hpp"
#include "support/statistics.hpp"

// Echo servers against the load generator, two CPUs, in paired runs: base, X, base, X ...
// A server is any program which prints its port and stops at the end of its input.
namespace coir_bench {

namespace {

struct Server {
  std::string name;
  std::string command;
};

struct PairOptions {
  int rounds = 5;
  std::string filter;
  bool json = false;
  bool list = false;
  std::string directory;  // of this program: the others are next to it
  std::string base;
  std::vector<Server> servers;
  int connections = 64;
  int size = 64;
  double seconds = 0.25;
  bool accept = false;
  int load_pin = 1;
};

void print_help() {
  std::printf(
      "two-process: echo servers in paired runs against echo-load\n\n"
      "usage: two-process [--filter SUBSTR] [--rounds N] [--quick] [--json] [--list] [--help]\n"
      "                   [--base CMD] [--server NAME=CMD]... [--connections N] [--size BYTES]\n"
      "                   [--accept] [--seconds T] [--load-pin CPU]\n\n"
      "  --base CMD         what to compare with (default: raw-echo-server --kind epoll --pin 0)\n"
      "  --server NAME=CMD  what to measure, may be repeated (default: the raw servers, and\n"
      "                     coir-echo-server on epoll, io_uring and poll)\n"
      "  --accept           each request has a connection of its own, --connections at a time\n"
      "  --rounds N         pairs of each server (default 5; --quick: 2)\n"
      "  --seconds T        length of a run, after T/4 and ten answers for each connection to\n"
      "                     warm up (default 0.25)\n\n"
      "Commands are split at spaces, without a shell. Pin the servers to another CPU than the\n"
      "load generator (--load-pin, default 1).\n");
}

Server parse_server(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == word.size()) {
    throw BadOption("--server needs NAME=CMD");
  }
  return {std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))};
}

PairOptions parse_options(int argc, char** argv) {
  PairOptions options;
  bool quick = false;
  bool rounds_given = false;
  Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--filter") {
      options.filter = arguments.value_of(*word);
    } else if (*word == "--rounds") {
      options.rounds = arguments.number_of(*word, 1, 1000);
      rounds_given = true;
    } else if (*word == "--quick") {
      quick = true;
    } else if (*word == "--json") {
      options.json = true;
    } else if (*word == "--list") {
      options.list = true;
    } else if (*word == "--base") {
      options.base = arguments.value_of(*word);
    } else if (*word == "--server") {
      options.servers.push_back(parse_server(arguments.value_of(*word)));
    } else if (*word == "--connections") {
      options.connections = arguments.number_of(*word, 1, 20'000);
    } else if (*word == "--size") {
      options.size = arguments.number_of(*word, 8, 1 << 20);
    } else if (*word == "--accept") {
      options.accept = true;
    } else if (*word == "--seconds") {
      options.seconds = arguments.number_of(*word, 0.01, 60.0);
    } else if (*word == "--load-pin") {
      options.load_pin = arguments.number_of(*word, 0, 1023);
    } else if (*word == "--help") {
      print_help();
      std::exit(0);
    } else {
      Arguments::refuse(*word);
    }
  }
  if (quick && !rounds_given) options.rounds = 2;
  options.directory = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto raw = [&](const std::string& kind) {
    return options.directory + "/raw-echo-server --kind " + kind + " --pin 0";
  };
  if (options.base.empty()) options.base = raw("epoll");
  if (options.servers.empty()) {
    for (const char* kind : {"epoll", "poll", "uring", "uring_ms"}) {
      options.servers.push_back({std::string("raw_") + kind, raw(kind)});
    }
    for (const char* reactor : {"epoll", "io_uring", "poll"}) {
      options.servers.push_back({std::string("coir_") + reactor, options.directory +
                                     "/coir-echo-server --pin 0 --reactor " + reactor});
    }
  }
  std::erase_if(options.servers, [&](const Server& server) {
    return server.name.find(options.filter) == std::string::npos;
  });
  return options;
}

std::vector<std::string> split(const std::string& command) {
  std::istringstream words(command);
  std::vector<std::string> result;
  for (std::string word; words >> word;) result.push_back(word);
  return result;
}

double number_after(const std::string& json, const std::string& key) {
  const std::size_t place = json.find('"' + key + "\": ");
  if (place == std::string::npos) throw std::runtime_error("echo-load reported no " + key);
  return std::strtod(json.c_str() + place + key.size() + 4, nullptr);
}

struct Run {
  double requests_per_second;
  double cpu_ns_per_request;
  double p99_us;
};

Run run_once(const PairOptions& options, const std::string& command) {
  using std::chrono::duration_cast;
  const auto now = ChildProcess::Clock::now();
  ChildProcess server(split(command));
  const std::string port = server.read_line(now + std::chrono::seconds(5));
  std::vector<std::string> words{options.directory + "/echo-load", "--port", port, "--connections",
                                 std::to_string(options.connections), "--size", std::to_string(options.size),
                                 "--seconds", std::to_string(options.seconds), "--pin",
                                 std::to_string(options.load_pin), "--server-pid",
                                 std::to_string(server.pid()), "--json"};
  if (options.accept) words.push_back("--accept");
  ChildProcess load(words);
  const auto length = std::chrono::duration<double>(options.seconds * 1.25 + 25);
  const std::string report =
      load.read_line(now + duration_cast<ChildProcess::Clock::duration>(length));
  return {number_after(report, "requests_per_second"),
          number_after(report, "server_cpu_ns_per_request"), number_after(report, "p99_us")};
}

struct Ratios {
  double middle;
  double low;
  double high;
};

Ratios summarise(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {median(values), *low, *high};
}

struct PairResult {
  std::string name;
  double requests_per_second;
  double cpu_ns_per_request;
  double p99_us;
  Ratios throughput;
  Ratios cpu;
  Ratios p99;
};

PairResult measure(const PairOptions& options, const Server& server) {
  std::vector<Run> bases;
  std::vector<Run> runs;
  for (int round = 0; round < options.rounds; ++round) {
    bases.push_back(run_once(options, options.base));
    runs.push_back(run_once(options, server.command));
  }
  const auto middle = [&](double Run::*part) {
    std::vector<double> values;
    for (const Run& run : runs) values.push_back(run.*part);
    return median(std::move(values));
  };
  const auto ratios = [&](double Run::*part) {
    std::vector<double> values;
    for (std::size_t i = 0; i < runs.size(); ++i) values.push_back(runs[i].*part / bases[i].*part);
    return summarise(values);
  };
  return {server.name,
          middle(&Run::requests_per_second),
          middle(&Run::cpu_ns_per_request),
          middle(&Run::p99_us),
          ratios(&Run::requests_per_second),
          ratios(&Run::cpu_ns_per_request),
          ratios(&Run::p99_us)};
}

void print_table(const PairOptions& options, const std::vector<PairResult>& results) {
  std::size_t width = 6;
  for (const PairResult& one : results) width = std::max(width, one.name.size());
  const auto column = static_cast<int>(width);
  std::printf("%-*s  %9s  %-22s  %11s  %-22s  %7s  %-22s\n", column, "server", "req/s",
              "ratio to base  lo..hi", "CPU ns/req", "ratio to base  lo..hi", "p99 us",
              "ratio to base  lo..hi");
  for (const PairResult& one : results) {
    std::printf("%-*s  %9.0f  %5.3f  %5.3f..%5.3f    %11.0f  %5.3f  %5.3f..%5.3f    %7.0f  %5.3f  %5.3f..%5.3f\n",
                column, one.name.c_str(), one.requests_per_second, one.throughput.middle,
                one.throughput.low, one.throughput.high, one.cpu_ns_per_request, one.cpu.middle,
                one.cpu.low, one.cpu.high, one.p99_us, one.p99.middle, one.p99.low, one.p99.high);
  }
  std::printf("\n%d %sconnections, %d B, %d pairs of %.2f s; load %s; %s; %s\n",
              options.connections, options.accept ? "short " : "", options.size, options.rounds, options.seconds,
              load_average().c_str(), cpu_model().c_str(), kernel_release().c_str());
}

void print_json(const PairOptions& options, const std::vector<PairResult>& results) {
  Json json;
  json.open('{').field("schema", "coir.bench.pairs/1");
  json.field("kernel", kernel_release()).field("cpu", cpu_model());
  json.field("compiler", compiler_version()).field("load_end", load_average());
  json.field("connections", options.connections).field("size", options.size);
  json.field("accept", options.accept).field("pairs", options.rounds).field("seconds", options.seconds);
  json.field("base", options.base).key("servers").open('[');
  const auto ratios = [&](const char* name, const Ratios& values) {
    json.key(name).open('{').field("median", values.middle);
    json.field("low", values.low).field("high", values.high).close('}');
  };
  for (const PairResult& one : results) {
    json.open('{').field("name", one.name);
    json.field("requests_per_second", one.requests_per_second);
    json.field("cpu_ns_per_request", one.cpu_ns_per_request).field("p99_us", one.p99_us);
    ratios("throughput_ratio", one.throughput);
    ratios("cpu_ratio", one.cpu);
    ratios("p99_ratio", one.p99);
    json.close('}');
  }
  json.close(']').close('}');
  std::printf("%s\n", json.text().c_str());
}

int run(const PairOptions& options) {
  if (options.servers.empty()) throw std::runtime_error("no server matches " + options.filter);
  if (options.list) {
    for (const Server& server : options.servers) {
      std::printf("%s: %s\n", server.name.c_str(), server.command.c_str());
    }
    return 0;
  }
  std::vector<PairResult> results;
  for (const Server& server : options.servers) results.push_back(measure(options, server));
  if (options.json) {
    print_json(options, results);
  } else {
    print_table(options, results);
  }
  return 0;
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) try {
  return coir_bench::run(coir_bench::parse_options(argc, argv));
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "two-process: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "two-process: %s\n", error.what());
  return 1;
}
