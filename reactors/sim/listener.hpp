// SPDX-License-Identifier: BSL-1.0
// The queue of a listening socket.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class StreamSocket;

class Listener {
public:
    /// As in Linux there is room for one more than the backlog, which is at most SOMAXCONN.
    void set_backlog(int backlog) noexcept {
        const bool most = backlog < 0 || backlog > SOMAXCONN;
        room_ = static_cast<std::size_t>(most ? SOMAXCONN : backlog) + 1;
    }
    bool is_full() const noexcept { return queue_.size() >= room_; }
    bool empty() const noexcept { return queue_.empty(); }
    void push(std::shared_ptr<StreamSocket> connection) { queue_.push_back(std::move(connection)); }
    /// The oldest one.
    std::shared_ptr<StreamSocket> pop() {
        auto first = std::move(queue_.front());
        queue_.pop_front();
        return first;
    }

private:
    std::deque<std::shared_ptr<StreamSocket>> queue_;
    std::size_t room_ = 1;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
