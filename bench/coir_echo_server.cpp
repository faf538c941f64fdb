// SPDX-License-Identifier: BSL-1.0
// The echo server of the two-process benchmark, written with coir.
//
//   coir-echo-server REACTOR      prints its port, echoes, ends when standard input does
#include <coir/coir.hpp>

#include <cstdio>

#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: coir-echo-server REACTOR\n", stderr);
    return 2;
  }
  coir::RunOptions options;
  options.reactor = argv[1];
  coir::run(
      [] {
        auto echo = [](coir::Stream& client) {
          char buffer[4096];
          while (const std::size_t got = client.read(buffer)) {
            client.write(std::string_view(buffer, got));
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
  return 0;
}
