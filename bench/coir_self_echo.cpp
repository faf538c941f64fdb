// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>

#include "cases.hpp"
#include "measures.hpp"
#include "raw/echo_loop.hpp"
#include "raw/self_echo.hpp"

// The self echo written with coir: a task per socket that reads and writes in a loop. Each reactor
// is compared with the hand-written loop over the same kernel interface, in a group of its own.
namespace coir_bench {

namespace {

coir::Stream stream_over_duplicate(int fd) {
  return coir::Stream(coir::Fd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicating a socket")));
}

// Echoes on one socket until `meter` has enough; the first to notice sets `done`.
void echo(int fd, std::size_t buffer_bytes, EchoMeter& meter, const coir::Future<void>& done) {
  coir::Stream stream = stream_over_duplicate(fd);
  const auto buffer = std::make_unique<char[]>(buffer_bytes);
  const std::span<char> room(buffer.get(), buffer_bytes);
  while (const std::size_t got = stream.read(room)) {
    stream.write(std::string_view(buffer.get(), got));
    meter.count_message();
    // A look at the clock for every 64 messages or so, like the raw loops, which look once a batch.
    if ((meter.received() & 63) == 0 && meter.finished()) done.try_set_result();
  }
}

EchoResult echo_with_coir(const std::string& reactor, const EchoPlan& plan) {
  coir::RunOptions options;
  options.reactor = reactor;
  return coir::run(
      [&] {
        EchoMeter meter(plan);
        auto done = coir::create_future<void>();
        coir::with_task_group([&](coir::TaskGroup& group) {
          for (const int fd : plan.sockets) {
            group.create_task([&, fd] { echo(fd, plan.buffer_bytes, meter, done); });
          }
          coir::await(done);
          group.cancel();
        });
        return meter.result();
      },
      options);
}

struct Pair {
  const char* reactor;
  const char* raw_name;
  EchoResult (*raw)(const EchoPlan&);
  double must_tcp;
  double must_unix;
};

}  // namespace

EchoLoop coir_echo_loop(const std::string& reactor) {
  return [reactor](const EchoPlan& plan) { return echo_with_coir(reactor, plan); };
}

void add_coir_self_echo_cases(std::vector<Case>& cases) {
  // The "must" column: at 64 pairs; at 1,000 the stacks of 2,000 tasks no longer fit the caches.
  constexpr Pair pairs[] = {
      {"epoll", "raw_epoll", echo_epoll, 1.02, 1.03},
      {"io_uring", "raw_uring", echo_uring, 1.03, 1.03},
      {"poll", "raw_poll", echo_poll, 1.05, 1.03},
  };
  for (const SelfEchoShape& shape : self_echo_shapes()) {
    for (const Pair& pair : pairs) {
      const std::string group = std::string(pair.reactor) + "_" + name_of(shape);
      Case raw = self_echo_case(pair.raw_name, pair.raw, shape);
      raw.name += "_base";
      raw.group = group;
      raw.baseline = true;
      cases.push_back(std::move(raw));
      const std::string reactor = pair.reactor;
      Case ours = self_echo_case("coir_" + reactor, coir_echo_loop(reactor), shape);
      ours.group = group;
      if (shape.pairs == 64) ours.must = shape.family == Family::Tcp ? pair.must_tcp : pair.must_unix;
      if (shape.pairs == 1000 && shape.family == Family::Unix) {
        ours.must = reactor == "io_uring" ? 1.08 : reactor == "epoll" ? 1.10 : 0;
      }
      cases.push_back(std::move(ours));
    }
  }
}

}  // namespace coir_bench
