// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

#include "../support/system.hpp"
#include "waiters.hpp"

namespace coir_bench {

inline void write_eventfd(const UniqueFd& event) {
  const std::uint64_t one = 1;
  if (::write(event.get(), &one, sizeof one) < 0) throw_errno("writing the eventfd");
}

// Where a loop sleeps: an epoll or a poll with nothing but an eventfd.
template <class Waiter>
class Parking {
 public:
  Parking() { waiter_.add(event_.get(), POLLIN, nullptr); }

  // Any thread.
  void wake() const { write_eventfd(event_); }

  // Until it is, or was, woken.
  void wait() {
    bool woken = false;
    while (!woken) {
      waiter_.wait([&](Token, unsigned) {
        std::uint64_t value = 0;
        if (::read(event_.get(), &value, sizeof value) < 0) throw_errno("reading the eventfd");
        woken = true;
      });
    }
  }

 private:
  const UniqueFd event_{check(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")};
  Waiter waiter_;
};

}  // namespace coir_bench
