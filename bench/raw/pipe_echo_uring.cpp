// SPDX-License-Identifier: BSL-1.0
#include "pipe_echo.hpp"
#include "ring_pump.hpp"

namespace coir_bench {

void echo_pipes_uring(const std::vector<Ends>& pipes, std::size_t buffer_bytes) {
  std::vector<RingWay> ways;  // destroyed after the ring, which may still be writing into them
  for (const Ends& pipe : pipes) ways.push_back({pipe.in, pipe.out});
  RingPump pump(RingPump::Descriptors::Pipes, ways.size(), buffer_bytes);
  for (RingWay& way : ways) pump.start(way);
  std::size_t left = ways.size();
  while (left > 0) {
    pump.ring().submit_and_wait(1);
    pump.ring().reap([&](const io_uring_cqe& cqe) {
      if (!pump.advance(*static_cast<RingWay*>(io_uring_cqe_get_data(&cqe)), cqe.res)) --left;
    });
  }
}

}  // namespace coir_bench
