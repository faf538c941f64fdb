// SPDX-License-Identifier: BSL-1.0
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#include "../support/accept_load.hpp"
#include "../support/arguments.hpp"
#include "../support/clock.hpp"
#include "../support/echo_load.hpp"
#include "../support/histogram.hpp"
#include "../support/json.hpp"
#include "../support/machine.hpp"
#include "../support/system.hpp"

// The load generator for echo servers on 127.0.0.1: see support/echo_load.hpp and accept_load.hpp.
namespace coir_bench {

namespace {

constexpr const char* kUsage =
    "usage: echo-load --port P [--connections N] [--size BYTES] [--seconds T] [--pin CPU]\n"
    "                 [--accept] [--server-pid PID] [--json] [--help]\n"
    "Loads the echo server on 127.0.0.1:P for T seconds, after T/4 seconds and ten answers for each\n"
    "connection to warm up. With --server-pid it reports the CPU time of that process per request,\n"
    "too. --accept: each request has a connection of its own, N at a time.\n";

struct LoadOptions {
  int port = 0;
  std::size_t connections = 64;
  std::size_t size = 64;
  double seconds = 1;
  int pin = -1;
  int server_pid = 0;
  bool accept = false;
  bool json = false;
};

LoadOptions parse_options(int argc, char** argv) {
  LoadOptions options;
  Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--port") {
      options.port = arguments.number_of(*word, 1, 65535);
    } else if (*word == "--connections") {
      options.connections = arguments.number_of<std::size_t>(*word, 1, 20'000);
    } else if (*word == "--size") {
      options.size = arguments.number_of<std::size_t>(*word, 8, 1 << 20);
    } else if (*word == "--seconds") {
      options.seconds = arguments.number_of(*word, 0.01, 60.0);
    } else if (*word == "--pin") {
      options.pin = arguments.number_of(*word, 0, 1023);
    } else if (*word == "--server-pid") {
      options.server_pid = arguments.number_of(*word, 1, 1 << 30);
    } else if (*word == "--accept") {
      options.accept = true;
    } else if (*word == "--json") {
      options.json = true;
    } else if (*word == "--help") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    } else {
      Arguments::refuse(*word);
    }
  }
  if (options.port == 0) throw BadOption("--port is missing");
  return options;
}

struct LoadResult {
  double seconds = 0;
  std::uint64_t requests = 0;
  std::int64_t server_cpu_ns = 0;
};

std::unique_ptr<Load> make_load(const LoadOptions& options) {
  const Endpoint server{Transport::Tcp, options.port};
  if (options.accept) {
    return make_accept_load({.server = server, .at_once = options.connections, .size = options.size});
  }
  return make_ring_load({.server = server, .connections = options.connections, .size = options.size});
}

// Also until the server has all connections, and has touched what it needs for each, which it does once.
void warm_up(const LoadOptions& options, Load& load, std::int64_t at_least_ns) {
  constexpr std::uint64_t kAnswersEach = 10;
  constexpr std::int64_t kAtMostNs = 10'000'000'000;
  const std::int64_t begin_ns = now_ns();
  do {
    load.run_for(at_least_ns);
  } while (load.answers() < kAnswersEach * options.connections && now_ns() - begin_ns < kAtMostNs);
}

LoadResult run_load(const LoadOptions& options, Load& load) {
  const auto window_ns = static_cast<std::int64_t>(options.seconds * 1e9);
  const auto server_cpu_ns = [&] {
    return options.server_pid > 0 ? process_cpu_ns(options.server_pid) : 0;
  };
  warm_up(options, load, window_ns / 4);
  load.clear();
  const std::int64_t begin_cpu_ns = server_cpu_ns();
  const std::int64_t begin_ns = now_ns();
  load.run_for(window_ns);
  const std::int64_t end_ns = now_ns();
  return {static_cast<double>(end_ns - begin_ns) / 1e9, load.answers(),
          server_cpu_ns() - begin_cpu_ns};
}

void print(const LoadOptions& options, const LoadResult& result, const Histogram& latency) {
  const auto requests = static_cast<double>(result.requests);
  const double rate = requests / result.seconds;
  const double cpu_ns = static_cast<double>(result.server_cpu_ns) / requests;
  const auto quantile_us = [&](double fraction) { return latency.quantile(fraction) / 1000; };
  if (options.json) {
    Json json;
    json.open('{').field("schema", "coir.echo-load/1");
    json.field("connections", std::uint64_t{options.connections});
    json.field("size", std::uint64_t{options.size});
    json.field("seconds", result.seconds).field("requests", result.requests);
    json.field("requests_per_second", rate).field("p50_us", quantile_us(0.5));
    json.field("p99_us", quantile_us(0.99)).field("p999_us", quantile_us(0.999));
    if (options.server_pid > 0) json.field("server_cpu_ns_per_request", cpu_ns);
    json.close('}');
    std::printf("%s\n", json.text().c_str());
    return;
  }
  std::printf("%.0f req/s, latency us p50 %.1f p99 %.1f p99.9 %.1f", rate, quantile_us(0.5),
              quantile_us(0.99), quantile_us(0.999));
  if (options.server_pid > 0) std::printf(", server CPU %.0f ns/request", cpu_ns);
  std::printf("\n");
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) try {
  using namespace coir_bench;
  const LoadOptions options = parse_options(argc, argv);
  raise_descriptor_limit();
  if (options.pin >= 0) pin_to_cpu(options.pin);
  const std::unique_ptr<Load> load = make_load(options);
  const LoadResult result = run_load(options, *load);
  if (result.requests == 0) throw std::runtime_error("no answer in the timed window");
  print(options, result, *load->latency());
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "echo-load: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo-load: %s\n", error.what());
  return 1;
}
