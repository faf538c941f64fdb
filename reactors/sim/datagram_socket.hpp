// SPDX-License-Identifier: BSL-1.0
// UDP sockets.
#pragma once

#include "links.hpp"
#include "socket.hpp"

#include <deque>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class DatagramSocket final : public Socket {
public:
    DatagramSocket(World& world, int family, int protocol)
        : Socket(world, family, SOCK_DGRAM, protocol) {}

    long listen(int) override { return -EOPNOTSUPP; }
    long accept(std::shared_ptr<Node>&, sockaddr*, socklen_t*) override { return -EOPNOTSUPP; }
    long connect(const sockaddr* address, socklen_t size) override;
    long shutdown(int how) override;
    long receive(Message& message) override;
    long send(const Message& message) override;
    unsigned events() const noexcept override;
    std::size_t readable() const noexcept override;
    void closed() override;

private:
    struct Datagram {
        std::string bytes;
        Endpoint from;
    };
    void transmit(Link& link, const Endpoint& to, Datagram datagram);
    void arrive_at(const Endpoint& to, Datagram datagram);
    void enqueue(Datagram datagram);

    std::deque<Datagram> queue_;
    std::size_t queued_bytes_ = 0;
    bool read_shut_ = false;
    bool write_shut_ = false;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
