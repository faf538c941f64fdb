// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "ring.hpp"

namespace coir_bench {

// From one descriptor to another. It has one operation in flight and a buffer of its own:
//
//   Receiving --bytes--> Sending --all sent--> Receiving
//        `--end, error--> ended <--error--'
struct RingWay {
  int from = -1;
  int to = -1;
  std::unique_ptr<char[]> buffer = {};
  std::size_t received = 0;
  std::size_t sent = 0;
};

// Moves ways on, in a ring in which a completion's user data is its way; or null, for whatever else
// its user has in flight there.
class RingPump {
 public:
  enum class Descriptors { Sockets, Pipes };

  RingPump(Descriptors descriptors, std::size_t ways_max, std::size_t buffer_bytes)
      : descriptors_(descriptors), buffer_bytes_(buffer_bytes), ring_(ways_max) {}

  Ring& ring() { return ring_; }

  // Its descriptors are to be set.
  void start(RingWay& way) {
    way.buffer = std::make_unique<char[]>(buffer_bytes_);
    receive(way);
  }

  // Its operation is done. Returns false when it has ended, and then nothing of it is in flight.
  bool advance(RingWay& way, int result) {
    if (result <= 0) return false;
    const auto bytes = static_cast<std::size_t>(result);
    if (way.sent < way.received) {
      way.sent += bytes;
    } else {
      way.received = bytes;
      way.sent = 0;
    }
    way.sent < way.received ? send(way) : receive(way);
    return true;
  }

 private:
  void receive(RingWay& way) {
    io_uring_sqe* const sqe = ring_.entry();
    if (descriptors_ == Descriptors::Sockets) {
      io_uring_prep_recv(sqe, way.from, way.buffer.get(), buffer_bytes_, 0);
    } else {
      io_uring_prep_read(sqe, way.from, way.buffer.get(), static_cast<unsigned>(buffer_bytes_), 0);
    }
    io_uring_sqe_set_data(sqe, &way);
  }

  void send(RingWay& way) {
    io_uring_sqe* const sqe = ring_.entry();
    const char* const data = way.buffer.get() + way.sent;
    const std::size_t bytes = way.received - way.sent;
    if (descriptors_ == Descriptors::Sockets) {
      // WAITALL: the kernel itself goes on after a short send.
      io_uring_prep_send(sqe, way.to, data, bytes, MSG_NOSIGNAL | MSG_WAITALL);
    } else {
      io_uring_prep_write(sqe, way.to, data, static_cast<unsigned>(bytes), 0);
    }
    io_uring_sqe_set_data(sqe, &way);
  }

  const Descriptors descriptors_;
  const std::size_t buffer_bytes_;
  Ring ring_;
};

}  // namespace coir_bench
