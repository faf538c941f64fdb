// SPDX-License-Identifier: BSL-1.0
// See endpoint.hpp.
#include "endpoint.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <netinet/in.h>
#include <sys/un.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

Host host_of(const in6_addr& address) noexcept {
    Host host;
    std::memcpy(host.bytes.data(), &address, host.bytes.size());
    return host;
}

}  // namespace

bool Host::is_v4() const noexcept {
    const Host prefix = v4(0, 0, 0, 0);
    return std::equal(bytes.begin(), bytes.begin() + 12, prefix.bytes.begin());
}

bool Host::is_loopback() const noexcept {
    Host one;
    one.bytes[15] = 1;
    return is_v4() ? bytes[12] == 127 : *this == one;
}

bool Host::is_local() const noexcept {
    return is_any() || is_loopback() || (is_v4() && bytes[12] == 10);
}

std::optional<Endpoint> parse_endpoint(const sockaddr* address, socklen_t size, int family,
                                       long& error) {
    error = -EINVAL;
    if (!address) return std::nullopt;
    const std::size_t least = family == AF_INET    ? sizeof(sockaddr_in)
                              : family == AF_INET6 ? sizeof(sockaddr_in6)
                                                   : sizeof(sa_family_t);
    if (size < least) return std::nullopt;
    if (address->sa_family != family && !(family == AF_INET && address->sa_family == AF_UNSPEC)) {
        error = family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
        return std::nullopt;
    }
    Endpoint endpoint;
    if (family == AF_UNIX) {
        if (size > sizeof(sockaddr_un)) return std::nullopt;
        const char* path = reinterpret_cast<const char*>(address) + path_offset;
        std::size_t length = size > path_offset ? size - path_offset : 0;
        if (length > 0 && path[0] != '\0') length = ::strnlen(path, length);
        endpoint.family = AF_UNIX;
        endpoint.path.assign(path, length);
    } else if (family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        std::uint8_t b[4];
        std::memcpy(b, &in.sin_addr, sizeof b);
        endpoint = Endpoint::ip(Host::v4(b[0], b[1], b[2], b[3]), ntohs(in.sin_port));
    } else {
        sockaddr_in6 in;
        std::memcpy(&in, address, sizeof in);
        endpoint = Endpoint::ip(host_of(in.sin6_addr), ntohs(in.sin6_port));
    }
    error = 0;
    return endpoint;
}

void write_endpoint(const Endpoint& endpoint, int family, sockaddr* address, socklen_t* size) {
    if (!address || !size) return;
    sockaddr_storage storage{};
    std::size_t length = 0;
    if (family == AF_UNIX) {
        auto& un = reinterpret_cast<sockaddr_un&>(storage);
        un.sun_family = AF_UNIX;
        length = path_offset + endpoint.path.size();
        std::memcpy(un.sun_path, endpoint.path.data(), endpoint.path.size());
        if (!endpoint.path.empty() && endpoint.path[0] != '\0') ++length;  // the NUL counts
    } else if (family == AF_INET) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&in.sin_addr, endpoint.host.bytes.data() + 12, 4);
        length = sizeof in;
    } else {
        auto& in = reinterpret_cast<sockaddr_in6&>(storage);
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(endpoint.port);
        std::memcpy(&in.sin6_addr, endpoint.host.bytes.data(), 16);
        length = sizeof in;
    }
    std::memcpy(address, &storage, std::min<std::size_t>(*size, length));
    *size = static_cast<socklen_t>(length);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
