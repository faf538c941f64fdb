// SPDX-License-Identifier: BSL-1.0
// How stream sockets of the world come to be connected. See stream_socket.hpp.
//
// As in Linux: where nobody listens, connecting is refused; where the queue is full, or no link is,
// it is tried again after 1, 2, 4, ... seconds, for two minutes. A Unix listener whose queue is full
// says EAGAIN.
#include "stream_socket.hpp"

#include "world.hpp"

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr int last_attempt = 6;  // net.ipv4.tcp_syn_retries

std::shared_ptr<StreamSocket> listener_at(Socket* socket) {
    if (!socket || !socket->is_listening()) return nullptr;
    return std::static_pointer_cast<StreamSocket>(socket->shared_from_this());
}

}  // namespace

long StreamSocket::bind(const sockaddr* address, socklen_t size) {
    if (state_ != State::fresh) return -EINVAL;
    return Socket::bind(address, size);
}

// --- Listening ----------------------------------------------------------------------------------

long StreamSocket::listen(int backlog) {
    if (state_ != State::fresh && state_ != State::listening) return -EINVAL;
    if (is_unix() && !local_.is_set()) return -EINVAL;
    if (!local_.is_set()) {
        const Host any = family() == AF_INET6 ? Host::v6_any() : Host::v4_any();
        if (const long error = bind_somewhere(any); error < 0) return error;
    }
    if (state_ == State::fresh) {
        if (!is_unix() && !reuses_port() &&
            world_.names.find(SOCK_STREAM, local_) != nullptr) {
            return -EADDRINUSE;
        }
        listener_.emplace();
        state_ = State::listening;
        listening_ = true;
    }
    listener_->set_backlog(backlog);
    return 0;
}

void StreamSocket::stop_listening() {
    listening_ = false;
    while (!listener_->empty()) {
        const auto connection = listener_->pop();
        connection->reset_both();
        connection->closed();
    }
    if (state_ == State::listening) state_ = State::fresh;
}

long StreamSocket::accept(std::shared_ptr<Node>& connection, sockaddr* peer, socklen_t* size) {
    if (state_ != State::listening) return -EINVAL;
    if (listener_->empty()) return -EAGAIN;
    if (!is_unix() && world_.choices.chance(Site::abort_accept, world_.faults.abort_accept)) {
        const auto lost = listener_->pop();
        lost->reset_both();
        lost->closed();
        return -ECONNABORTED;
    }
    auto taken = listener_->pop();
    write_endpoint(taken->peer_, family(), peer, size);
    connection = std::move(taken);
    return 0;
}

std::shared_ptr<StreamSocket> StreamSocket::make_server_side(StreamSocket& listener, Link* link) {
    auto server = std::make_shared<StreamSocket>(world_, listener.family(), 0);
    server->local_ = peer_;
    server->peer_ = local_;
    if (is_unix()) server->peer_.family = AF_UNIX;
    join(*this, *server, link);
    listener.listener_->push(server);
    return server;
}

// --- Connecting ---------------------------------------------------------------------------------

long StreamSocket::connect(const sockaddr* address, socklen_t size) {
    if (state_ == State::listening) return -EISCONN;
    if (state_ == State::connected) return std::exchange(unreported_, false) ? 0 : -EISCONN;
    if (state_ == State::connecting) return -EALREADY;
    if (state_ == State::failed) {
        state_ = State::fresh;
        const int error = take_error();
        return -(error != 0 ? error : ECONNABORTED);
    }
    long error = 0;
    const auto to = parse_endpoint(address, size, family(), error);
    if (!to) return error;
    return is_unix() ? connect_unix(*to) : connect_ip(*to);
}

long StreamSocket::connect_unix(const Endpoint& to) {
    long error = 0;
    const auto listener = listener_at(world_.names.find_unix(SOCK_STREAM, to.path, error));
    if (!listener) return error;
    if (listener->listener_->is_full()) return -EAGAIN;
    peer_ = to;
    make_server_side(*listener, nullptr);
    listener->changed(POLLIN);
    return 0;
}

long StreamSocket::connect_ip(const Endpoint& target) {
    Endpoint to = target;
    if (to.host == Host::v4_any()) to.host = Host::v4(127, 0, 0, 1);
    if (to.host == Host::v6_any()) to.host.bytes[15] = 1;
    if (!to.host.is_local()) return -ENETUNREACH;
    // Of this machine's addresses every one reaches itself from itself.
    if (const long error = bind_somewhere(to.host); error < 0) {
        return error == -EADDRINUSE ? -EADDRNOTAVAIL : error;
    }
    peer_ = to;
    state_ = State::connecting;
    send_syn(0);
    if (state_ == State::connecting) return -EINPROGRESS;
    if (state_ == State::connected) {
        unreported_ = false;
        return 0;
    }
    state_ = State::fresh;
    return -take_error();
}

void StreamSocket::send_syn(int attempt) {
    Link& link = world_.links.between(local_.host, peer_.host);
    world_.links.maybe_cut(link);
    if (link.cut) return try_again(attempt);
    const Nanoseconds travel = world_.links.travel(link);
    if (travel.count() == 0) return syn_arrives(attempt);
    world_.after(travel, [self = weak_from_this(), attempt] {
        const auto node = std::static_pointer_cast<StreamSocket>(self.lock());
        if (node) node->syn_arrives(attempt);
    });
}

void StreamSocket::try_again(int attempt) {
    const Nanoseconds pause = std::chrono::seconds(1 << attempt);
    world_.after(pause, [self = weak_from_this(), attempt] {
        const auto node = std::static_pointer_cast<StreamSocket>(self.lock());
        if (!node || node->state_ != State::connecting) return;
        if (attempt == last_attempt) return node->refused(ETIMEDOUT);
        node->send_syn(attempt + 1);
    });
}

void StreamSocket::syn_arrives(int attempt) {
    if (state_ != State::connecting) return;
    Link& link = world_.links.between(local_.host, peer_.host);
    const auto listener = listener_at(world_.names.find(SOCK_STREAM, peer_));
    const bool full = listener && listener->listener_->is_full();
    if (link.cut || full) return try_again(attempt);
    const Nanoseconds back = world_.links.travel(link);
    const auto answer = [self = weak_from_this(), refuses = !listener] {
        const auto node = std::static_pointer_cast<StreamSocket>(self.lock());
        if (!node || node->state_ != State::connecting) return;
        if (refuses) return node->refused(ECONNREFUSED);
        node->established();
    };
    if (listener) {
        const auto server = make_server_side(*listener, &link);
        state_ = State::connecting;
        in_->hold_until(world_.now() + back);
        server->in_->hold_until(world_.now() + back);
        listener->changed(POLLIN);
    }
    if (back.count() == 0) return answer();
    world_.after(back, answer);
}

void StreamSocket::refused(int error) {
    state_ = State::failed;
    error_ = error;
    changed(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
}

void StreamSocket::established() {
    state_ = State::connected;
    unreported_ = true;
    changed(POLLOUT);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
