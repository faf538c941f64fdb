// SPDX-License-Identifier: BSL-1.0
// What a parked task costs: resident memory and page tables, mappings, and the time to make it.
// --connections: what an idle connection costs its server, with the task that waits for its next message.
//
//   bench-parked [--tasks N | --connections N] [--stack BYTES]     COIR_REACTOR chooses the reactor
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "park_tasks.hpp"
#include "support/arguments.hpp"
#include "support/clock.hpp"
#include "support/machine.hpp"
#include "support/system.hpp"

namespace coir_bench {

namespace {

// A line of /proc/self/status that counts kilobytes.
double status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return 1024.0 * std::stod(line.substr(field.size() + 1));
  }
  throw std::runtime_error("/proc/self/status has no " + field);
}

long mappings() {
  std::ifstream maps("/proc/self/maps");
  return std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n');
}

struct Usage {
  double resident = status_bytes("VmRSS");
  double page_tables = status_bytes("VmPTE");
  long maps = mappings();
};

void measure(std::size_t tasks, std::size_t stack_size) {
  coir::RunOptions options;
  if (stack_size != 0) options.stack_size = stack_size;
  coir::run(
      [tasks, &options] {
        coir::Event go;
        const Usage before;
        const std::int64_t begin_ns = now_ns();
        park_tasks(tasks, go);
        const double each_ns = static_cast<double>(now_ns() - begin_ns) / static_cast<double>(tasks);
        const Usage after;
        const auto each = [&](double bytes) { return bytes / static_cast<double>(tasks); };
        const double resident = each(after.resident - before.resident);
        const double tables = each(after.page_tables - before.page_tables);
        std::printf("%zu tasks on stacks of %zu KiB: %.0f B each (%.0f B resident, %.0f B of page "
                    "tables), %ld more mappings, %.2f us to make and park one\n",
                    tasks, options.stack_size / 1024, resident + tables, resident, tables,
                    after.maps - before.maps, each_ns / 1000);
        go.set();
      },
      options);
}

coir::Fd connect_to(int port) {
  coir::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const coir::Address server("127.0.0.1", port);
  check(::connect(socket.get(), server.data(), server.size()), "connect");
  return socket;
}

// Each has had a message and its answer. The clients are here, too, as descriptors alone.
void measure_connections(std::size_t count, std::size_t stack_size) {
  raise_descriptor_limit();
  coir::RunOptions options;
  if (stack_size != 0) options.stack_size = stack_size;
  coir::run(
      [count, &options] {
        std::size_t answered = 0;
        auto server = coir::start_server(
            [&](coir::Stream& client) {
              char buffer[64];
              while (const std::size_t size = client.read(buffer)) {
                client.write(std::string_view(buffer, size));
                ++answered;
              }
            },
            "127.0.0.1", 0);
        std::vector<coir::Fd> clients;
        clients.reserve(count);
        const Usage before;
        while (clients.size() < count) {
          clients.push_back(connect_to(server.port()));
          check(static_cast<int>(::send(clients.back().get(), "x", 1, 0)), "send");
          while (answered < clients.size()) coir::sleep(std::chrono::microseconds(1));
          char byte = 0;
          check(static_cast<int>(::recv(clients.back().get(), &byte, 1, 0)), "recv");
        }
        const Usage after;
        const double each = (after.resident + after.page_tables - before.resident - before.page_tables) /
                            static_cast<double>(count);
        std::printf("%zu idle connections on %s, on stacks of %zu KiB: %.0f B each\n", count,
                    coir::get_running_loop().reactor_name().data(), options.stack_size / 1024, each);
      },
      options);
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) try {
  std::size_t tasks = 100'000;
  std::size_t connections = 0;
  std::size_t stack_size = 0;
  coir_bench::Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--tasks") {
      tasks = arguments.number_of<std::size_t>(*word, 1, 2'000'000);
    } else if (*word == "--connections") {
      connections = arguments.number_of<std::size_t>(*word, 1, 500'000);
    } else if (*word == "--stack") {
      stack_size = arguments.number_of<std::size_t>(*word, 16'384, std::size_t{1} << 30);
    } else {
      coir_bench::Arguments::refuse(*word);
    }
  }
  if (connections > 0) {
    coir_bench::measure_connections(connections, stack_size);
  } else {
    coir_bench::measure(tasks, stack_size);
  }
  return 0;
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "bench-parked: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench-parked: %s\n", error.what());
  return 1;
}
