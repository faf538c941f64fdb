// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "../support/system.hpp"

// The two kernel interfaces that tell which descriptors are ready, with one face, so that a loop is
// written once for both. Interests and events are poll(2)'s; epoll(7) has the same bits.
namespace coir_bench {

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP);

// What wait() hands back of a descriptor.
using Token = void*;

class EpollWaiter {
 public:
  void add(int fd, unsigned interest, Token token) { control(EPOLL_CTL_ADD, fd, interest, token); }
  void modify(int fd, unsigned interest, Token token) {
    control(EPOLL_CTL_MOD, fd, interest, token);
  }
  // Before the descriptor is closed.
  void remove(int fd) { control(EPOLL_CTL_DEL, fd, 0, nullptr); }

  // Waits for at least one event and calls handle(token, events) for each. One that a descriptor of
  // the same batch has removed may still be handed over.
  template <class Handle>
  void wait(const Handle& handle) {
    const int count = ::epoll_wait(epoll_.get(), events_.data(), kEventsMax, -1);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int nth = 0; nth < count; ++nth) {
      const epoll_event& event = events_[static_cast<std::size_t>(nth)];
      handle(event.data.ptr, unsigned{event.events});
    }
  }

 private:
  static constexpr int kEventsMax = 256;

  void control(int operation, int fd, unsigned interest, Token token) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = token;
    check(::epoll_ctl(epoll_.get(), operation, fd, &event), "epoll_ctl");
  }

  const UniqueFd epoll_{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
  std::array<epoll_event, kEventsMax> events_;
};

class PollWaiter {
 public:
  void add(int fd, unsigned interest, Token token) {
    const auto key = static_cast<std::size_t>(fd);
    if (key >= places_.size()) places_.resize(key + 1);
    places_[key] = entries_.size();
    entries_.push_back({fd, static_cast<short>(interest), 0});
    tokens_.push_back(token);
  }
  void modify(int fd, unsigned interest, Token token) {
    const std::size_t place = places_[static_cast<std::size_t>(fd)];
    entries_[place].events = static_cast<short>(interest);
    tokens_[place] = token;
  }
  void remove(int fd) {
    entries_[places_[static_cast<std::size_t>(fd)]] = {-1, 0, 0};  // which poll() skips
    ++removed_;
  }

  // As EpollWaiter's. None that was removed is handed over.
  template <class Handle>
  void wait(const Handle& handle) {
    int left = ::poll(entries_.data(), entries_.size(), -1);
    if (left < 0 && errno != EINTR) throw_errno("poll");
    // Handlers add entries behind these, and empty some.
    for (std::size_t place = 0; left > 0 && place < entries_.size(); ++place) {
      const auto events = static_cast<unsigned short>(std::exchange(entries_[place].revents, short{0}));
      if (events == 0) continue;
      --left;
      handle(tokens_[place], unsigned{events});
    }
    if (removed_ > 0) close_gaps();
  }

 private:
  void close_gaps() {
    std::size_t kept = 0;
    for (std::size_t place = 0; place < entries_.size(); ++place) {
      if (entries_[place].fd < 0) continue;
      entries_[kept] = entries_[place];
      tokens_[kept] = tokens_[place];
      places_[static_cast<std::size_t>(entries_[kept].fd)] = kept;
      ++kept;
    }
    entries_.resize(kept);
    tokens_.resize(kept);
    removed_ = 0;
  }

  std::vector<pollfd> entries_;
  std::vector<Token> tokens_;        // of the entry at the same place
  std::vector<std::size_t> places_;  // by descriptor
  std::size_t removed_ = 0;
};

}  // namespace coir_bench
