// SPDX-License-Identifier: BSL-1.0
// Addresses of the world. An IPv4 address is kept as the IPv6 one that stands for it
// (::ffff:a.b.c.d), so that both families meet as they do in the kernel.
#pragma once

#include <coir/detail/config.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

struct Host {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const Host&) const = default;

    static Host v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
        return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
    }
    static Host v6_any() noexcept { return {}; }
    static Host v4_any() noexcept { return v4(0, 0, 0, 0); }
    bool is_v4() const noexcept;
    bool is_any() const noexcept { return *this == v6_any() || *this == v4_any(); }
    bool is_loopback() const noexcept;
    /// Whether a socket may be bound to it: the loopback, 10.0.0.0/8 and "any".
    bool is_local() const noexcept;
};

struct Endpoint {
    sa_family_t family = AF_UNSPEC;  ///< AF_UNSPEC: none yet; AF_UNIX: `path`; else IP
    Host host;
    std::uint16_t port = 0;
    std::string path;  ///< abstract names begin with a NUL; empty: unnamed

    static Endpoint ip(const Host& host, std::uint16_t port) {
        return {static_cast<sa_family_t>(AF_INET), host, port, {}};
    }
    bool is_set() const noexcept { return family != AF_UNSPEC; }
};

/// What the kernel makes of an address that it is given; for a socket of `family`. On failure
/// `error` is -EINVAL, -EAFNOSUPPORT, ...
std::optional<Endpoint> parse_endpoint(const sockaddr* address, socklen_t size, int family,
                                       long& error);
/// Writes it as the kernel does for a socket of `family`: cut off at `*size`, which becomes the
/// whole length.
void write_endpoint(const Endpoint& endpoint, int family, sockaddr* address, socklen_t* size);

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
