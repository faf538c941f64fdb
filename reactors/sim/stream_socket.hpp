// SPDX-License-Identifier: BSL-1.0
// TCP and Unix stream sockets.
#pragma once

#include "flow.hpp"
#include "listener.hpp"
#include "socket.hpp"

#include <memory>
#include <optional>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class StreamSocket final : public Socket {
public:
    StreamSocket(World& world, int family, int protocol);
    ~StreamSocket() override;

    long bind(const sockaddr* address, socklen_t size) override;
    long listen(int backlog) override;
    long accept(std::shared_ptr<Node>& connection, sockaddr* peer, socklen_t* size) override;
    long connect(const sockaddr* address, socklen_t size) override;
    long shutdown(int how) override;
    long receive(Message& message) override;
    long send(const Message& message) override;
    long peer_name(sockaddr* address, socklen_t* size) const override;

    unsigned events() const noexcept override;
    std::size_t readable() const noexcept override;
    void closed() override;
    void broken(int error) override;

    /// Connects two fresh ones; `link` is null for Unix sockets.
    static void join(StreamSocket& a, StreamSocket& b, Link* link);
    /// Both ends of the connection see a reset.
    void reset_both();
    bool is_between(const Host& a, const Host& b) const noexcept;
    bool is_connected() const noexcept { return state_ == State::connected; }

private:
    enum class State : unsigned char { fresh, listening, connecting, connected, failed, closed };

    bool is_unix() const noexcept { return family() == AF_UNIX; }
    long connect_ip(const Endpoint& to);
    long connect_unix(const Endpoint& to);
    void send_syn(int attempt);
    void syn_arrives(int attempt);
    void try_again(int attempt);
    void refused(int error);
    void established();
    std::shared_ptr<StreamSocket> make_server_side(StreamSocket& listener, Link* link);
    bool peer_is_gone() const noexcept;
    void stop_listening();

    State state_ = State::fresh;
    bool read_shut_ = false;
    bool write_shut_ = false;
    bool reset_ = false;       ///< a TCP connection that is no more
    bool unreported_ = false;  ///< connected, and no connect() has said so
    std::shared_ptr<Flow> in_;
    std::shared_ptr<Flow> out_;
    std::weak_ptr<StreamSocket> other_;
    std::optional<Listener> listener_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
