// SPDX-License-Identifier: BSL-1.0
#include <coir/coir.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include "measures.hpp"
#include "raw/transfer.hpp"
#include "support/clock.hpp"

// Large messages through coir: a task writes, another reads and answers.
namespace coir_bench {

namespace {

double transfer(std::size_t bytes) {
  TransferPair pair;
  coir::Stream near(coir::Fd(pair.near.release()));
  auto answering = coir::create_task([bytes, fd = pair.far.release()] {
    coir::Stream far{coir::Fd(fd)};
    std::string in(bytes, ' ');
    try {
      for (;;) {
        far.read_exactly(in);
        far.write("a");
      }
    } catch (const coir::IncompleteReadError&) {
    }
  });
  const std::string out(bytes, 'm');
  std::string answered(1, ' ');
  const auto turn = [&] {
    near.write(out);
    near.read_exactly(answered);
  };
  for (int i = 0; i < 5; ++i) turn();
  const std::size_t count = transfers_of(bytes);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t i = 0; i < count; ++i) turn();
  const double result = static_cast<double>(now_ns() - begin_ns) / static_cast<double>(count);
  near.close();
  coir::await(answering);
  return result;
}

}  // namespace

double coir_transfer(const std::string& reactor, std::size_t bytes) {
  coir::RunOptions options;
  options.reactor = reactor;
  return coir::run([bytes] { return transfer(bytes); }, options);
}

}  // namespace coir_bench
