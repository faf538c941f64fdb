// SPDX-License-Identifier: BSL-1.0
// The echo server of the two-process benchmark, written with coir.
//
//   coir-echo-server [--reactor NAME] [--pin CPU] [--busy N]
//
// It prints its port, echoes, and ends when its standard input does. --busy: beside it N tasks compute,
// 10 us at a time.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include <unistd.h>

#include "support/arguments.hpp"
#include "support/machine.hpp"

namespace {

void compute() {
  using namespace std::chrono_literals;
  for (;;) {
    const auto until = std::chrono::steady_clock::now() + 10us;
    while (std::chrono::steady_clock::now() < until) {
    }
    coir::yield_now();
  }
}

void serve(const coir::RunOptions& options, int busy_tasks) {
  coir::run(
      [busy_tasks] {
        auto echo = [](coir::Stream& client) {
          char buffer[4096];
          try {
            while (const std::size_t got = client.read(buffer)) {
              client.write(std::string_view(buffer, got));
            }
          } catch (const coir::IoError&) {
            // The load generator closes with messages under way.
          }
        };
        coir::ServerOptions server_options;
        server_options.backlog = 4096;
        coir::Server server = coir::start_server(echo, "127.0.0.1", 0, server_options);
        std::printf("%d\n", server.port());
        std::fflush(stdout);
        for (int i = 0; i < busy_tasks; ++i) coir::spawn_detached(compute);
        coir::wait_readable(STDIN_FILENO);
      },
      options);
}

}  // namespace

int main(int argc, char** argv) try {
  coir::RunOptions options;
  int busy_tasks = 0;
  coir_bench::Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--reactor") {
      options.reactor = std::string(arguments.value_of(*word));
    } else if (*word == "--pin") {
      coir_bench::pin_to_cpu(arguments.number_of(*word, 0, 1023));
    } else if (*word == "--busy") {
      busy_tasks = arguments.number_of(*word, 1, 1000);
    } else {
      coir_bench::Arguments::refuse(*word);
    }
  }
  coir_bench::raise_descriptor_limit();
  serve(options, busy_tasks);
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "coir-echo-server: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "coir-echo-server: %s\n", error.what());
  return 1;
}
