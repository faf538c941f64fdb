// SPDX-License-Identifier: BSL-1.0
// See stream_socket.hpp. Connecting and listening are in stream_connect.cpp.
//
// As in Linux: what was received before a reset can still be read; the error is told once, by
// whichever call comes first; then reading ends and writing says EPIPE. Closing with unread input
// resets a TCP connection, and so does sending to where nobody is any more.
#include "stream_socket.hpp"

#include "world.hpp"

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

StreamSocket::StreamSocket(World& world, int family, int protocol)
    : Socket(world, family, SOCK_STREAM, family == AF_UNIX ? 0 : protocol) {}

StreamSocket::~StreamSocket() = default;

void StreamSocket::join(StreamSocket& a, StreamSocket& b, Link* link) {
    const std::size_t usual = 65536;
    a.out_ = b.in_ = std::make_shared<Flow>(a.world_, link, draw_capacity(a.world_, usual));
    a.in_ = b.out_ = std::make_shared<Flow>(a.world_, link, draw_capacity(a.world_, usual));
    const auto ends = [](StreamSocket& one, StreamSocket& other) {
        one.in_->reader = one.weak_from_this();
        one.out_->writer = one.weak_from_this();
        one.other_ = std::static_pointer_cast<StreamSocket>(other.shared_from_this());
        one.state_ = State::connected;
    };
    ends(a, b);
    ends(b, a);
    if (link) a.world_.add_stream(std::static_pointer_cast<StreamSocket>(a.shared_from_this()));
}

// --- Transfers ----------------------------------------------------------------------------------

long StreamSocket::receive(Message& message) {
    message.name_size = 0;
    if ((message.flags & (MSG_OOB | MSG_ERRQUEUE)) != 0) {
        return (message.flags & MSG_OOB) != 0 ? -EINVAL : -EAGAIN;
    }
    if (state_ == State::connecting) return -EAGAIN;
    if (state_ != State::connected) return is_unix() ? -EINVAL : -ENOTCONN;
    if (!is_unix() && world_.choices.chance(Site::reset, world_.faults.reset)) reset_both();
    if (in_->available() > 0) {
        const bool peeks = (message.flags & MSG_PEEK) != 0;
        if (total_size(message.pieces) == 0) return 0;
        const auto count = peeks ? in_->peek(message.pieces, &message.passed)
                                 : in_->take(message.pieces, &message.passed);
        return static_cast<long>(count);
    }
    if (const int error = take_error()) return -error;
    if (in_->at_end() || read_shut_) return 0;
    return total_size(message.pieces) == 0 ? 0 : -EAGAIN;
}

bool StreamSocket::peer_is_gone() const noexcept {
    const auto other = other_.lock();
    return !other || other->state_ == State::closed;
}

long StreamSocket::send(const Message& message) {
    if ((message.flags & MSG_OOB) != 0) return -EOPNOTSUPP;
    if (state_ == State::connecting) return -EAGAIN;
    if (const int error = take_error()) return -error;
    if (state_ != State::connected) return is_unix() ? -ENOTCONN : -EPIPE;
    if (message.name_size != 0) return -EISCONN;
    if (write_shut_ || (is_unix() && peer_is_gone())) return -EPIPE;
    if (!is_unix() && world_.choices.chance(Site::reset, world_.faults.reset)) {
        reset_both();
        return -take_error();
    }
    if (total_size(message.pieces) == 0) return 0;
    const std::size_t count = out_->put(message.pieces, false, message.passed);
    return count > 0 ? static_cast<long>(count) : -EAGAIN;
}

// --- State --------------------------------------------------------------------------------------

unsigned StreamSocket::events() const noexcept {
    const unsigned trouble = error_ != 0 ? unsigned{POLLERR} : 0u;
    switch (state_) {
        case State::listening:
            return listener_->empty() ? 0u : unsigned{POLLIN | POLLRDNORM};
        case State::connecting:
            return trouble;
        case State::connected: {
            const bool ended = in_->finished() || read_shut_;
            const bool gone = is_unix() && peer_is_gone();
            unsigned events = trouble;
            if (in_->available() > 0 || ended) events |= POLLIN | POLLRDNORM;
            if (ended) events |= POLLRDHUP;
            if ((ended && write_shut_) || gone) events |= POLLHUP;
            if (write_shut_ || gone || out_->has_room()) events |= POLLOUT | POLLWRNORM;
            return events;
        }
        case State::failed:
            return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP | trouble;
        case State::fresh:
        case State::closed:
            break;
    }
    return POLLOUT | POLLWRNORM | POLLHUP;
}

std::size_t StreamSocket::readable() const noexcept { return in_ ? in_->available() : 0; }

long StreamSocket::peer_name(sockaddr* address, socklen_t* size) const {
    if (state_ != State::connected || reset_) return -ENOTCONN;
    write_endpoint(peer_, family(), address, size);
    return 0;
}

long StreamSocket::shutdown(int how) {
    if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
    if (state_ == State::listening) {
        if (how != SHUT_WR) {
            stop_listening();
            changed(POLLIN | POLLHUP);
        }
        return how == SHUT_WR && is_unix() ? 0 : how == SHUT_WR ? -ENOTCONN : 0;
    }
    if (state_ != State::connected) {
        if (!is_unix()) return -ENOTCONN;
        read_shut_ = read_shut_ || how != SHUT_WR;
        write_shut_ = write_shut_ || how != SHUT_RD;
        return 0;
    }
    const bool reads = how != SHUT_WR;
    const bool writes = how != SHUT_RD && !write_shut_;
    read_shut_ = read_shut_ || reads;
    if (writes) {
        write_shut_ = true;
        out_->finish();
    }
    if (const auto other = other_.lock(); is_unix() && reads && other && !other->write_shut_) {
        other->write_shut_ = true;
        other->changed(POLLOUT);
    }
    changed((reads ? POLLIN | POLLRDHUP : 0) | POLLOUT | (read_shut_ && write_shut_ ? POLLHUP : 0));
    return 0;
}

// A reset has arrived.
void StreamSocket::broken(int error) {
    if (state_ == State::closed || state_ == State::failed) return;
    if (is_unix()) {
        if (error == ECONNRESET) error_ = error;
    } else {
        if (!in_ || std::exchange(reset_, true)) return;
        error_ = in_->finished() ? EPIPE : error;
        read_shut_ = write_shut_ = true;
        in_->reader_gone();  // what comes after this is not for anybody
    }
    changed(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
}

void StreamSocket::reset_both() {
    if (reset_) return;
    out_->reset();
    broken(ECONNRESET);
}

bool StreamSocket::is_between(const Host& a, const Host& b) const noexcept {
    return (local_.host == a && peer_.host == b) || (local_.host == b && peer_.host == a);
}

void StreamSocket::closed() {
    const State before = std::exchange(state_, State::closed);
    release_name();
    if (before == State::listening) {
        state_ = before;
        stop_listening();
        state_ = State::closed;
    }
    if (!in_) return;
    const bool unread = in_->has_unread();
    in_->reader_gone();
    if (reset_) return;
    const auto other = other_.lock();
    if (is_unix()) {
        if (!other || other->state_ == State::closed) return;
        if (unread) other->broken(ECONNRESET);
        if (!write_shut_) out_->finish();
        other->changed(POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    } else if (unread || lingers_not() || before == State::connecting) {
        out_->reset();
    } else if (!write_shut_) {
        out_->finish();
    }
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
