// SPDX-License-Identifier: BSL-1.0
// Unix sockets of datagrams.
#pragma once

#include "passed.hpp"
#include "socket.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class UnixDatagramSocket final : public Socket {
public:
    explicit UnixDatagramSocket(World& world);

    long listen(int) override { return -EOPNOTSUPP; }
    long accept(std::shared_ptr<Node>&, sockaddr*, socklen_t*) override { return -EOPNOTSUPP; }
    long connect(const sockaddr* address, socklen_t size) override;
    long shutdown(int how) override;
    long receive(Message& message) override;
    long send(const Message& message) override;
    unsigned events() const noexcept override;
    std::size_t readable() const noexcept override;
    void closed() override;
    bool is_of_datagrams() const noexcept override { return true; }

    /// A pair of socketpair(2).
    static void join(UnixDatagramSocket& a, UnixDatagramSocket& b);

private:
    struct Datagram {
        std::string bytes;
        Endpoint from;
        std::weak_ptr<UnixDatagramSocket> sender;
        std::shared_ptr<Passed> passed;
    };
    using Shared = std::shared_ptr<UnixDatagramSocket>;
    Shared self() const noexcept;
    Shared find(const Endpoint& to, long& error) const;
    Shared receiver_of(const Message& message, long& error);
    bool may_send_to(const UnixDatagramSocket& other) const noexcept;
    bool is_full_for(const UnixDatagramSocket& sender) const noexcept;
    bool has_memory() const noexcept;
    void disconnect_from(const Shared& old) noexcept;
    void give_back(const Datagram& datagram) noexcept;
    void ask_for_room(const UnixDatagramSocket& sender);
    void tell_of_room() noexcept;

    const std::size_t most_queued_;
    std::deque<Datagram> queue_;
    std::size_t under_way_ = 0;  // memory of what this one has sent and nobody has received
    std::weak_ptr<UnixDatagramSocket> other_;
    // Senders that found the queue full, and are told of room once.
    std::vector<std::weak_ptr<UnixDatagramSocket>> want_room_;
    bool read_shut_ = false;
    bool write_shut_ = false;
    bool is_closed_ = false;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
