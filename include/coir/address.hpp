// SPDX-License-Identifier: BSL-1.0
// Socket addresses, and finding them by name.
#pragma once

#include <sys/socket.h>

#include <coir/detail/config.hpp>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coir {
inline namespace v0 {

/// The address of a socket: IPv4, IPv6, a Unix path, or whatever else a sockaddr can hold. A value;
/// any thread.
class COIR_API Address {
public:
    /// No address: AF_UNSPEC.
    Address() noexcept;
    /// A copy. Throws std::invalid_argument when it is longer than a sockaddr_storage.
    Address(const sockaddr* address, socklen_t size);
    /// From "127.0.0.1", "::1" or "fe80::1%2" (a numeric scope). Throws std::invalid_argument for
    /// anything else, and for a port that is not in 0..65535.
    Address(std::string_view ip, int port);
    /// The same, but nothing instead of an exception when `ip` is not a literal.
    static std::optional<Address> parse(std::string_view ip, int port);
    /// A Unix socket's path. Throws std::invalid_argument for an empty path or one with a NUL, and
    /// IoError(ENAMETOOLONG) for 108 bytes or more.
    static Address unix_path(std::string_view path);

    int family() const noexcept { return storage_.ss_family; }
    /// The port; 0 when there is none.
    int port() const noexcept;
    void set_port(int port) noexcept;
    /// "127.0.0.1", "::1", or the path.
    std::string host() const;
    /// "127.0.0.1:8080", "[::1]:80", or the path; empty for a nameless Unix socket.
    std::string to_string() const;
    bool is_loopback() const noexcept;

    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }
    /// For system calls that fill an address in: the room, and then set_size().
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
    static constexpr socklen_t capacity() noexcept { return sizeof(sockaddr_storage); }
    void set_size(socklen_t size) noexcept { size_ = size < capacity() ? size : capacity(); }

    friend bool operator==(const Address& a, const Address& b) noexcept { return a.equals(b); }

private:
    bool equals(const Address& other) const noexcept;
    sockaddr_storage storage_;
    socklen_t size_ = 0;
};

/// What getaddrinfo() is to look for, as the members of the same names of struct addrinfo.
struct AddrInfoHints {
    int family = 0;          ///< AF_UNSPEC: both
    int type = SOCK_STREAM;  ///< 0: every type
    int protocol = 0;
    int flags = 0;  ///< AI_PASSIVE, AI_ADDRCONFIG, ...
};

/// One result.
struct AddrInfo {
    int family = 0;
    int type = 0;
    int protocol = 0;
    Address address;
    std::string canonical_name;  ///< of the first result, when AI_CANONNAME was asked for
};

/// A name could not be resolved. `code()` is an EAI_ number in a category of its own.
class COIR_API ResolveError : public std::system_error {
public:
    ResolveError(int eai_code, const std::string& what);
    ~ResolveError() override;
};
/// The category of ResolveError: EAI_ numbers and the C library's words for them.
COIR_API const std::error_category& resolver_category() noexcept;

/// Resolves a host name and a service name or decimal port; an empty host is the loopback (with
/// AI_PASSIVE: the wildcard) address. Literals with a numeric service are answered in place. The
/// rest is the C library's getaddrinfo on a thread of the resolver's own lane of 64; a cancelled
/// lookup is abandoned, not waited for (closing the loop waits for lookups that still run). Throws
/// ResolveError, IoError (for EAI_SYSTEM), CancelledError, and, before any call,
/// std::invalid_argument for a host of more than 253 bytes or with a NUL and for a port that is not
/// in 0..65535.
COIR_API COIR_SUSPENDS std::vector<AddrInfo> getaddrinfo(std::string_view host,
                                                         std::string_view service,
                                                         const AddrInfoHints& hints = {});
COIR_API COIR_SUSPENDS std::vector<AddrInfo> getaddrinfo(std::string_view host, int port,
                                                         const AddrInfoHints& hints = {});

/// What getnameinfo() found.
struct NameInfo {
    std::string host;
    std::string service;
};
/// The names of an address. `flags` are those of the C library (NI_NUMERICHOST, NI_NAMEREQD, ...);
/// with both numeric ones it is answered in place. Errors as getaddrinfo().
COIR_API COIR_SUSPENDS NameInfo getnameinfo(const Address& address, int flags = 0);

}  // namespace v0
}  // namespace coir
