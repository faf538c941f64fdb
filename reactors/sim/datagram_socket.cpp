// SPDX-License-Identifier: BSL-1.0
// See datagram_socket.hpp.
//
// Datagrams are lost, doubled and overtake each other as the link says, and are thrown away where
// the queue is full. A connected sender is told that nobody listens (ECONNREFUSED), once.
#include "datagram_socket.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstring>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t most_bytes = 65507;
constexpr std::size_t queue_room = 212992;
constexpr std::size_t overhead = 256;  // each one's, of that room

}  // namespace

long DatagramSocket::connect(const sockaddr* address, socklen_t size) {
    if (address && size >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        peer_ = {};
        return 0;
    }
    long error = 0;
    auto to = parse_endpoint(address, size, family(), error);
    if (!to) return error;
    if (to->host.is_any()) to->host = Host::v4(127, 0, 0, 1);
    if (!to->host.is_local()) return -ENETUNREACH;
    if (error = bind_somewhere(to->host); error < 0) return error;
    peer_ = std::move(*to);
    return 0;
}

long DatagramSocket::shutdown(int how) {
    if (!peer_.is_set()) return -ENOTCONN;
    read_shut_ = read_shut_ || how != SHUT_WR;
    write_shut_ = write_shut_ || how != SHUT_RD;
    changed(POLLIN | POLLOUT | POLLRDHUP);
    return 0;
}

// --- Sending ------------------------------------------------------------------------------------

long DatagramSocket::send(const Message& message) {
    if (const int error = take_error()) return -error;
    if (write_shut_) return -EPIPE;
    Endpoint to = peer_;
    if (message.name && message.name_size != 0) {
        long error = 0;
        auto named = parse_endpoint(message.name, message.name_size, family(), error);
        if (!named) return error;
        to = std::move(*named);
    }
    if (!to.is_set()) return -EDESTADDRREQ;
    if (to.host.is_any()) to.host = Host::v4(127, 0, 0, 1);
    if (to.port == 0) return -EINVAL;
    if (!to.host.is_local()) return -ENETUNREACH;
    Datagram datagram;
    for (const iovec& piece : message.pieces) {
        datagram.bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    if (datagram.bytes.size() > most_bytes) return -EMSGSIZE;
    if (!local_.is_set()) {
        const Host any = family() == AF_INET6 ? Host::v6_any() : Host::v4_any();
        if (const long error = bind_somewhere(any); error < 0) return error;
    }
    datagram.from = local_;
    if (datagram.from.host.is_any()) datagram.from.host = to.host;
    const auto size = static_cast<long>(datagram.bytes.size());
    Link& link = world_.links.between(datagram.from.host, to.host);
    world_.links.maybe_cut(link);
    if (world_.choices.chance(Site::duplicate, link.options.duplicate)) transmit(link, to, datagram);
    transmit(link, to, std::move(datagram));
    return size;
}

void DatagramSocket::transmit(Link& link, const Endpoint& to, Datagram datagram) {
    if (link.cut || world_.choices.chance(Site::loss, link.options.loss)) return;
    const Nanoseconds travel = world_.links.travel(link);
    if (travel.count() == 0) return arrive_at(to, std::move(datagram));
    world_.after(travel, [self = std::static_pointer_cast<DatagramSocket>(shared_from_this()), to,
                          datagram = std::move(datagram)]() mutable {
        self->arrive_at(to, std::move(datagram));
    });
}

// Called on the sender, which may be closed by now.
void DatagramSocket::arrive_at(const Endpoint& to, Datagram datagram) {
    auto* receiver = static_cast<DatagramSocket*>(world_.names.find(SOCK_DGRAM, to));
    if (receiver) return receiver->enqueue(std::move(datagram));
    if (peer_.is_set() && peer_.host == to.host && peer_.port == to.port) {
        error_ = ECONNREFUSED;
        changed(POLLERR | POLLIN | POLLOUT);
    }
}

void DatagramSocket::enqueue(Datagram datagram) {
    const bool expected = !peer_.is_set() || (peer_.host == datagram.from.host &&
                                              peer_.port == datagram.from.port);
    if (!expected || queued_bytes_ + datagram.bytes.size() + overhead > queue_room) return;
    queued_bytes_ += datagram.bytes.size() + overhead;
    queue_.push_back(std::move(datagram));
    changed(POLLIN);
}

// --- Receiving ----------------------------------------------------------------------------------

long DatagramSocket::receive(Message& message) {
    if ((message.flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
    if (const int error = take_error()) return -error;
    if (queue_.empty()) return read_shut_ ? 0 : -EAGAIN;
    Datagram& first = queue_.front();
    const std::size_t done = copy_out(first.bytes, message.pieces);
    write_endpoint(first.from, family(), message.name, &message.name_size);
    const std::size_t whole = first.bytes.size();
    if (done < whole) message.result_flags |= MSG_TRUNC;
    if ((message.flags & MSG_PEEK) == 0) {
        queued_bytes_ -= whole + overhead;
        queue_.pop_front();
    }
    return static_cast<long>((message.flags & MSG_TRUNC) != 0 ? whole : done);
}

unsigned DatagramSocket::events() const noexcept {
    unsigned events = POLLOUT | POLLWRNORM;
    if (!queue_.empty() || read_shut_) events |= POLLIN | POLLRDNORM;
    if (read_shut_) events |= POLLRDHUP;
    if (error_ != 0) events |= POLLERR;
    return events;
}

std::size_t DatagramSocket::readable() const noexcept {
    return queue_.empty() ? 0 : queue_.front().bytes.size();
}

void DatagramSocket::closed() { release_name(); }

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
