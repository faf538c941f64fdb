// SPDX-License-Identifier: BSL-1.0
#include "echo_load.hpp"

#include <algorithm>
#include <cstring>

namespace coir_bench {

EchoLoad::EchoLoad(const EchoLoadPlan& plan) : plan_(plan), connections_(plan.connections) {
  if (plan.server.transport == Transport::Udp) lost_ = 0;
  for (std::size_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    if (index < plan.ends.size()) {
      connection.ends = plan.ends[index];
    } else {
      sockets_.push_back(connect_to(plan.server));
      connection.ends = {sockets_.back().get(), sockets_.back().get()};
    }
    connection.out.assign(plan.size, kFiller);
    connection.in.resize(plan.size);
  }
  for (std::size_t count = 0; count < plan.idle_connections; ++count) {
    sockets_.push_back(connect_to(plan.server));
  }
}

void EchoLoad::prepare_message(Connection& connection, std::int64_t now_ns) {
  connection.sent_ns = now_ns;
  ++connection.sequence;
  std::memcpy(connection.out.data(), &connection.sequence,
              std::min(connection.out.size(), sizeof connection.sequence));
}

bool EchoLoad::count_answer(const Connection& connection, std::int64_t now_ns) {
  if (connection.in != connection.out) {
    if (lost_) return false;
    fail_wrong();
  }
  count_answer_after(now_ns - connection.sent_ns);
  return true;
}

}  // namespace coir_bench
