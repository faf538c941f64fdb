// SPDX-License-Identifier: BSL-1.0
// See unix_datagram_socket.hpp.
//
// As in Linux: nothing is lost and nothing overtakes. Who sends into a full queue gets EAGAIN; when
// there is room, only connected senders are told, whoever has sent what was taken, and who waits in the
// kernel. A sender that names its receivers counts as writable all the time, and can only try again. A
// peer that is gone is told by the next send (ECONNREFUSED), which ends the connection; shutting down
// tells nobody.
#include "unix_datagram_socket.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstring>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t usual_queue = 10;  // net.unix.max_dgram_qlen; one more is let in
constexpr std::size_t send_buffer = 212992;
constexpr std::size_t message_overhead = 576;  // each one's, of that memory

std::size_t draw_queue(World& world) {
    return world.faults.small_buffers ? world.choices.pick(Site::capacity, usual_queue) : usual_queue;
}

std::size_t memory_of(const std::string& bytes) noexcept { return bytes.size() + message_overhead; }

}  // namespace

UnixDatagramSocket::UnixDatagramSocket(World& world)
    : Socket(world, AF_UNIX, SOCK_DGRAM, 0), most_queued_(draw_queue(world)) {}

UnixDatagramSocket::Shared UnixDatagramSocket::self() const noexcept {
    return std::static_pointer_cast<UnixDatagramSocket>(
        const_cast<UnixDatagramSocket*>(this)->shared_from_this());
}

void UnixDatagramSocket::join(UnixDatagramSocket& a, UnixDatagramSocket& b) {
    a.other_ = b.self();
    b.other_ = a.self();
    a.peer_.family = b.peer_.family = AF_UNIX;
}

// --- Who may send to whom -----------------------------------------------------------------------

UnixDatagramSocket::Shared UnixDatagramSocket::find(const Endpoint& to, long& error) const {
    Socket* const found = world_.names.find_unix(SOCK_DGRAM, to.path, error);
    if (!found) return nullptr;
    auto other = std::static_pointer_cast<UnixDatagramSocket>(found->shared_from_this());
    if (may_send_to(*other)) return other;
    error = -EPERM;
    return nullptr;
}

// Who is connected takes nothing from others.
bool UnixDatagramSocket::may_send_to(const UnixDatagramSocket& other) const noexcept {
    return !other.peer_.is_set() || other.other_.lock().get() == this;
}

// Of a peer that is connected to its sender the queue has no end but the sender's memory.
bool UnixDatagramSocket::is_full_for(const UnixDatagramSocket& sender) const noexcept {
    return queue_.size() > most_queued_ && other_.lock().get() != &sender;
}

bool UnixDatagramSocket::has_memory() const noexcept { return under_way_ * 4 <= send_buffer; }

long UnixDatagramSocket::connect(const sockaddr* address, socklen_t size) {
    const Shared old = other_.lock();
    Shared next;
    Endpoint to;
    const bool ends = address && size >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC;
    if (!ends) {
        long error = 0;
        auto named = parse_endpoint(address, size, family(), error);
        if (!named) return error;
        next = find(*named, error);
        if (!next) return error;
        to = std::move(*named);
    }
    other_ = next;
    peer_ = std::move(to);
    if (old && old != next) disconnect_from(old);
    return 0;
}

// What the old peer had sent is lost, and it is told so if it was connected, too.
void UnixDatagramSocket::disconnect_from(const Shared& old) noexcept {
    if (queue_.empty()) return;
    for (const Datagram& datagram : queue_) give_back(datagram);
    queue_.clear();
    tell_of_room();
    if (old->is_closed_ || old->other_.lock().get() != this) return;
    old->error_ = ECONNRESET;
    old->changed(POLLERR | POLLIN | POLLOUT);
}

long UnixDatagramSocket::shutdown(int how) {
    if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
    read_shut_ = read_shut_ || how != SHUT_WR;
    write_shut_ = write_shut_ || how != SHUT_RD;
    return 0;
}

// --- Sending ------------------------------------------------------------------------------------

UnixDatagramSocket::Shared UnixDatagramSocket::receiver_of(const Message& message, long& error) {
    if (message.name && message.name_size != 0) {
        const auto named = parse_endpoint(message.name, message.name_size, family(), error);
        return named ? find(*named, error) : nullptr;
    }
    error = -ECONNREFUSED;
    Shared other = other_.lock();
    if (other && !other->is_closed_) {
        error = may_send_to(*other) ? 0 : -EPERM;
        return error == 0 ? other : nullptr;
    }
    peer_ = {};
    other_.reset();
    return nullptr;
}

long UnixDatagramSocket::send(const Message& message) {
    if ((message.flags & MSG_OOB) != 0) return -EOPNOTSUPP;
    const bool names_one = message.name && message.name_size != 0;
    if (!names_one && !peer_.is_set()) return -ENOTCONN;
    const std::size_t size = total_size(message.pieces);
    if (size > send_buffer - 32) return -EMSGSIZE;
    if (const int error = take_error()) return -error;
    if (write_shut_) return -EPIPE;
    if (under_way_ >= send_buffer) return -EAGAIN;
    long error = 0;
    const Shared other = receiver_of(message, error);
    if (!other) return error;
    if (other->read_shut_) return -EPIPE;
    if (other->is_full_for(*this)) {
        const bool waits = blocks() && (message.flags & MSG_DONTWAIT) == 0;
        if (waits || other_.lock() == other) other->ask_for_room(*this);
        // The memory that was taken for it is free again, which wakes whoever waits for that.
        if (!waits) changed(POLLOUT);
        return -EAGAIN;
    }
    Datagram datagram{{}, local_, self(), message.passed};
    datagram.bytes.reserve(size);
    for (const iovec& piece : message.pieces) {
        datagram.bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    under_way_ += memory_of(datagram.bytes);
    other->queue_.push_back(std::move(datagram));
    other->changed(POLLIN);
    return static_cast<long>(size);
}

// --- Receiving ----------------------------------------------------------------------------------

long UnixDatagramSocket::receive(Message& message) {
    if ((message.flags & MSG_OOB) != 0) return -EOPNOTSUPP;
    if ((message.flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
    if (const int error = take_error()) return -error;
    if (queue_.empty()) return -EAGAIN;
    Datagram& first = queue_.front();
    const std::size_t whole = first.bytes.size();
    const std::size_t done = copy_out(first.bytes, message.pieces);
    if (first.from.is_set()) {
        write_endpoint(first.from, family(), message.name, &message.name_size);
    } else {
        message.name_size = 0;
    }
    if (done < whole) message.result_flags |= MSG_TRUNC;
    message.passed = first.passed;
    if ((message.flags & MSG_PEEK) == 0) {
        const Datagram taken = std::move(first);
        queue_.pop_front();
        give_back(taken);
        tell_of_room();
    }
    return static_cast<long>((message.flags & MSG_TRUNC) != 0 ? whole : done);
}

void UnixDatagramSocket::give_back(const Datagram& datagram) noexcept {
    const Shared sender = datagram.sender.lock();
    if (!sender) return;
    sender->under_way_ -= memory_of(datagram.bytes);
    if (sender->has_memory()) sender->changed(POLLOUT);
}

void UnixDatagramSocket::ask_for_room(const UnixDatagramSocket& sender) {
    const Shared asking = sender.self();
    const auto is_it = [&](const auto& entry) { return entry.lock() == asking; };
    if (std::none_of(want_room_.begin(), want_room_.end(), is_it)) want_room_.push_back(asking);
}

void UnixDatagramSocket::tell_of_room() noexcept {
    const auto told = std::move(want_room_);
    want_room_.clear();
    for (const auto& entry : told) {
        if (const Shared sender = entry.lock()) sender->changed(POLLOUT);
    }
}

// Asking is what makes a connected sender hear of room, as with poll(2) in the kernel.
unsigned UnixDatagramSocket::events() const noexcept {
    unsigned events = error_ != 0 ? unsigned{POLLERR} : 0u;
    if (!queue_.empty() || read_shut_) events |= POLLIN | POLLRDNORM;
    if (read_shut_) events |= POLLRDHUP;
    if (read_shut_ && write_shut_) events |= POLLHUP;
    if (!has_memory()) return events;
    const Shared other = other_.lock();
    if (other && !other->is_closed_ && other->is_full_for(*this)) {
        other->ask_for_room(*this);
        return events;
    }
    return events | POLLOUT | POLLWRNORM;
}

std::size_t UnixDatagramSocket::readable() const noexcept {
    return queue_.empty() ? 0 : queue_.front().bytes.size();
}

void UnixDatagramSocket::closed() {
    is_closed_ = true;
    release_name();
    for (const Datagram& datagram : queue_) give_back(datagram);
    queue_.clear();
    tell_of_room();
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
