// SPDX-License-Identifier: BSL-1.0
// The echo server of the two-process benchmark, written with coir.
//
//   coir-echo-server [--reactor NAME] [--pin CPU]
//
// It prints its port, echoes, and ends when its standard input does.
#include <coir/coir.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include <unistd.h>

#include "support/arguments.hpp"
#include "support/machine.hpp"

namespace {

void serve(const coir::RunOptions& options) {
  coir::run(
      [] {
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
        coir::wait_readable(STDIN_FILENO);
      },
      options);
}

}  // namespace

int main(int argc, char** argv) try {
  coir::RunOptions options;
  coir_bench::Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--reactor") {
      options.reactor = std::string(arguments.value_of(*word));
    } else if (*word == "--pin") {
      coir_bench::pin_to_cpu(arguments.number_of(*word, 0, 1023));
    } else {
      coir_bench::Arguments::refuse(*word);
    }
  }
  coir_bench::raise_descriptor_limit();
  serve(options);
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "coir-echo-server: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "coir-echo-server: %s\n", error.what());
  return 1;
}
