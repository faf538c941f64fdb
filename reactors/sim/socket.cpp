// SPDX-License-Identifier: BSL-1.0
// See socket.hpp.
#include "socket.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstring>

#include <netinet/in.h>
#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

Socket::Socket(World& world, int family, int type, int protocol)
    : Node(world), family_(family), type_(type), protocol_(protocol) {}

long Socket::read(Pieces into) {
    Message message;
    message.pieces = into;
    return receive(message);
}

long Socket::write(Pieces from) {
    Message message;
    message.pieces = from;
    return send(message);
}

std::size_t Socket::copy_out(const std::string& bytes, Pieces into) noexcept {
    std::size_t done = 0;
    for (const iovec& piece : into) {
        const std::size_t part = std::min(piece.iov_len, bytes.size() - done);
        if (part != 0) std::memcpy(piece.iov_base, bytes.data() + done, part);
        done += part;
    }
    return done;
}

// --- Names --------------------------------------------------------------------------------------

long Socket::bind(const sockaddr* address, socklen_t size) {
    long error = 0;
    auto endpoint = parse_endpoint(address, size, family_, error);
    if (!endpoint) return error;
    if (local_.is_set()) return -EINVAL;
    if (family_ != AF_UNIX && !endpoint->host.is_local()) return -EADDRNOTAVAIL;
    error = world_.names.bind(*this, *endpoint);
    if (error == 0) local_ = std::move(*endpoint);
    return error;
}

long Socket::bind_somewhere(const Host& host) {
    if (local_.is_set()) {
        if (family_ != AF_UNIX && local_.host.is_any()) local_.host = host;
        return 0;
    }
    Endpoint endpoint = Endpoint::ip(host, 0);
    const long error = world_.names.bind(*this, endpoint);
    if (error == 0) local_ = endpoint;
    return error;
}

void Socket::release_name() noexcept { world_.names.release(*this); }

long Socket::local_name(sockaddr* address, socklen_t* size) const {
    Endpoint shown = local_;
    if (!shown.is_set() && family_ == AF_INET) shown.host = Host::v4_any();
    write_endpoint(shown, family_, address, size);
    return 0;
}

long Socket::peer_name(sockaddr* address, socklen_t* size) const {
    if (!peer_.is_set()) return -ENOTCONN;
    write_endpoint(peer_, family_, address, size);
    return 0;
}

// --- Options ------------------------------------------------------------------------------------

bool Socket::flag(int level, int option) const noexcept {
    const auto at = options_.find({level, option});
    if (at == options_.end()) return false;
    return std::any_of(at->second.begin(), at->second.end(), [](char c) { return c != 0; });
}

bool Socket::only_v6() const noexcept { return flag(IPPROTO_IPV6, IPV6_V6ONLY); }

bool Socket::lingers_not() const noexcept {
    const auto at = options_.find({SOL_SOCKET, SO_LINGER});
    linger how{};
    if (at == options_.end() || at->second.size() < sizeof how) return false;
    std::memcpy(&how, at->second.data(), sizeof how);
    return how.l_onoff != 0 && how.l_linger == 0;
}

long Socket::get_option(int level, int option, void* value, socklen_t* size) {
    std::string found(sizeof(int), '\0');
    const auto number = [&found](int is) { std::memcpy(found.data(), &is, sizeof is); };
    const auto at = options_.find({level, option});
    if (at != options_.end()) {
        found = at->second;
    } else if (level == SOL_SOCKET) {
        if (option == SO_TYPE) number(type_);
        if (option == SO_DOMAIN) number(family_);
        if (option == SO_PROTOCOL) number(family_ == AF_UNIX ? 0 : protocol_);
        if (option == SO_ERROR) number(take_error());
        if (option == SO_ACCEPTCONN) number(listening_ ? 1 : 0);
        if (option == SO_SNDBUF || option == SO_RCVBUF) number(212992);
        if (option == SO_LINGER) found.assign(sizeof(linger), '\0');
        if (option == SO_PEERCRED) {
            const ucred self{::getpid(), ::getuid(), ::getgid()};
            found.assign(reinterpret_cast<const char*>(&self), sizeof self);
        }
    }
    const std::size_t length = std::min<std::size_t>(*size, found.size());
    std::memcpy(value, found.data(), length);
    *size = static_cast<socklen_t>(length);
    return 0;
}

long Socket::set_option(int level, int option, const void* value, socklen_t size) {
    const bool ip = level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_TCP;
    if (ip && family_ == AF_UNIX) return -EOPNOTSUPP;
    if (level == IPPROTO_IPV6 && family_ != AF_INET6) return -ENOPROTOOPT;
    if (level == IPPROTO_TCP && type_ != SOCK_STREAM) return -ENOPROTOOPT;
    if (size < sizeof(int) || !value) return -EINVAL;
    std::string bytes(static_cast<const char*>(value), size);
    if (level == SOL_SOCKET && (option == SO_SNDBUF || option == SO_RCVBUF)) {
        int wanted = 0;  // twice as much is kept, as the kernel does
        std::memcpy(&wanted, value, sizeof wanted);
        wanted = std::clamp(wanted, 2304, 1 << 28) * 2;
        bytes.assign(reinterpret_cast<const char*>(&wanted), sizeof wanted);
    }
    options_[{level, option}] = std::move(bytes);
    return 0;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
