// SPDX-License-Identifier: BSL-1.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../support/arguments.hpp"
#include "../support/clock.hpp"
#include "../support/histogram.hpp"
#include "../support/json.hpp"
#include "../support/machine.hpp"
#include "../support/system.hpp"
#include "ring.hpp"

// A closed-loop load generator for echo servers on 127.0.0.1: one message under way on each
// connection. It sleeps until a quarter of the connections, at most 256, have answered, so that it
// is the server and not the generator which is busy all the time. The latencies include that
// wait: measure them with few connections.
namespace coir_bench {

namespace {

constexpr const char* kUsage =
    "usage: echo-load --port P [--connections N] [--size BYTES] [--seconds T] [--pin CPU]\n"
    "                 [--server-pid PID] [--json] [--help]\n"
    "Loads the echo server on 127.0.0.1:P for T seconds, after T/4 seconds to warm up. With\n"
    "--server-pid it reports the CPU time of that process per request, too.\n";

struct LoadOptions {
  int port = 0;
  std::size_t connections = 64;
  std::size_t size = 64;
  double seconds = 1;
  int pin = -1;
  int server_pid = 0;
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

UniqueFd connect_to(int port) {
  UniqueFd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  check(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  // Close by reset: no connection stays behind in TIME_WAIT.
  const linger reset{1, 0};
  check(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  check(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
        "connect");
  return socket;
}

struct LoadResult {
  double seconds = 0;
  std::uint64_t requests = 0;
  std::int64_t server_cpu_ns = 0;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        batch_(static_cast<unsigned>(std::clamp<std::size_t>(options.connections / 4, 1, 256))),
        connections_(options.connections),
        ring_(2 * options.connections) {
    for (Connection& connection : connections_) {
      connection.socket = connect_to(options.port);
      connection.out.assign(options.size, 'q');
      connection.in.resize(options.size);
    }
  }

  LoadResult run() {
    const auto window_ns = static_cast<std::int64_t>(options_.seconds * 1e9);
    std::int64_t now = now_ns();
    for (std::size_t index = 0; index < connections_.size(); ++index) start(index, now);
    run_until(now + window_ns / 4);

    answers_ = 0;
    latency_ = std::make_unique<Histogram>();
    const std::int64_t begin_cpu_ns = server_cpu_ns();
    const std::int64_t begin_ns = now_ns();
    run_until(begin_ns + window_ns);
    now = now_ns();
    return {static_cast<double>(now - begin_ns) / 1e9, answers_, server_cpu_ns() - begin_cpu_ns};
  }

  const Histogram& latency() const { return *latency_; }

 private:
  static constexpr std::int64_t kSilenceMaxNs = 5'000'000'000;
  static constexpr std::uint64_t kSendTag = ~std::uint64_t{0};

  struct Connection {
    UniqueFd socket;
    std::int64_t sent_ns = 0;
    std::uint64_t sequence = 0;
    std::string out;
    std::string in;
  };

  void run_until(std::int64_t end_ns) {
    std::int64_t heard_ns = now_ns();
    for (std::int64_t now = heard_ns; now < end_ns;) {
      ring_.submit_and_wait_for(batch_, 100'000'000);
      now = now_ns();
      const std::uint64_t answers_before = answers_;
      ring_.reap([&](const io_uring_cqe& cqe) { complete(cqe, now); });
      if (answers_ != answers_before) heard_ns = now;
      if (now - heard_ns > kSilenceMaxNs) throw std::runtime_error("the server fell silent");
    }
  }

  void start(std::size_t index, std::int64_t now) {
    Connection& connection = connections_[index];
    connection.sent_ns = now;
    ++connection.sequence;
    std::memcpy(connection.out.data(), &connection.sequence, sizeof connection.sequence);

    io_uring_sqe* sqe = ring_.entry();
    io_uring_prep_send(sqe, connection.socket.get(), connection.out.data(), options_.size,
                       MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = kSendTag;

    sqe = ring_.entry();
    io_uring_prep_recv(sqe, connection.socket.get(), connection.in.data(), options_.size,
                       MSG_WAITALL);
    // The answer cannot be there yet.
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->user_data = index;
  }

  void complete(const io_uring_cqe& cqe, std::int64_t now) {
    if (cqe.user_data == kSendTag) check_negative(cqe.res, "send");
    const auto index = static_cast<std::size_t>(cqe.user_data);
    Connection& connection = connections_.at(index);
    check_negative(cqe.res, "recv");
    if (static_cast<std::size_t>(cqe.res) != options_.size) {
      throw std::runtime_error("the server closed a connection");
    }
    if (std::memcmp(connection.in.data(), connection.out.data(), options_.size) != 0) {
      throw std::runtime_error("the server answered something else");
    }
    ++answers_;
    latency_->record(static_cast<std::uint64_t>(now - connection.sent_ns));
    start(index, now);
  }

  std::int64_t server_cpu_ns() const {
    return options_.server_pid > 0 ? process_cpu_ns(options_.server_pid) : 0;
  }

  const LoadOptions& options_;
  const unsigned batch_;
  std::vector<Connection> connections_;
  Ring ring_;
  std::uint64_t answers_ = 0;
  std::unique_ptr<Histogram> latency_ = std::make_unique<Histogram>();
};

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
  Load load(options);
  const LoadResult result = load.run();
  if (result.requests == 0) throw std::runtime_error("no answer in the timed window");
  print(options, result, load.latency());
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "echo-load: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo-load: %s\n", error.what());
  return 1;
}
