// SPDX-License-Identifier: BSL-1.0
#include "transfer.hpp"

#include "../measures.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "../support/clock.hpp"

// The limit for large messages: one thread with both ends, which sends what there is room for, receives what
// is there, and has nothing to wait for.
namespace coir_bench {

namespace {

// What a call has moved; 0 when it would have to wait.
std::size_t moved(ssize_t result, const char* what) {
  if (result < 0 && errno != EAGAIN) throw_errno(what);
  return result < 0 ? 0 : static_cast<std::size_t>(result);
}

void move_message(const TransferPair& pair, const std::string& out, std::string& in) {
  std::size_t sent = 0;
  std::size_t received = 0;
  while (received < out.size()) {
    if (sent < out.size()) {
      sent += moved(::send(pair.near.get(), out.data() + sent, out.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL), "send");
    }
    received += moved(::recv(pair.far.get(), in.data() + received, in.size() - received, MSG_DONTWAIT), "recv");
  }
}

}  // namespace

TransferPair::TransferPair() {
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  near = UniqueFd(ends[0]);
  far = UniqueFd(ends[1]);
}

std::size_t transfers_of(std::size_t bytes) {
  constexpr std::size_t kBytes = std::size_t{128} << 20;
  return std::clamp<std::size_t>(kBytes / bytes, 50, 10'000);
}

double raw_transfer(std::size_t bytes) {
  const TransferPair pair;
  const std::string out(bytes, 'm');
  std::string in(bytes, ' ');
  const std::string answer(1, 'a');
  std::string answered(1, ' ');
  const TransferPair back;
  const auto turn = [&] {
    move_message(pair, out, in);
    move_message(back, answer, answered);
  };
  for (int i = 0; i < 5; ++i) turn();
  const std::size_t count = transfers_of(bytes);
  const std::int64_t begin_ns = now_ns();
  for (std::size_t i = 0; i < count; ++i) turn();
  return static_cast<double>(now_ns() - begin_ns) / static_cast<double>(count);
}

}  // namespace coir_bench
