// SPDX-License-Identifier: BSL-1.0
// Address: IP literals and Unix paths, without asking anybody.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <coir/address.hpp>
#include <coir/error.hpp>
#include <cstddef>
#include <cstring>

namespace coir {
inline namespace v0 {
namespace {

template <class T>
T& as(sockaddr_storage& storage) noexcept {
    return reinterpret_cast<T&>(storage);
}
template <class T>
const T& as(const sockaddr_storage& storage) noexcept {
    return reinterpret_cast<const T&>(storage);
}

void require_port(int port) {
    if (port < 0 || port > 65535) {
        throw std::invalid_argument("coir: " + std::to_string(port) +
                                    " is not a port (0 to 65535)");
    }
}

// A numeric IPv6 scope; a name would have to be looked up.
bool parse_scope(std::string_view text, std::uint32_t& scope) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), scope);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

Address::Address() noexcept { std::memset(&storage_, 0, sizeof storage_); }

Address::Address(const sockaddr* address, socklen_t size) : Address() {
    if (size > capacity()) throw std::invalid_argument("coir: the address is too long");
    if (size > 0) std::memcpy(&storage_, address, size);
    size_ = size;
}

Address::Address(std::string_view ip, int port) : Address() {
    const auto parsed = parse(ip, port);
    if (!parsed) {
        throw std::invalid_argument("coir: '" + std::string(ip) + "' is not an IP address");
    }
    *this = *parsed;
}

std::optional<Address> Address::parse(std::string_view ip, int port) {
    require_port(port);
    char text[INET6_ADDRSTRLEN] = {};
    Address address;
    const std::size_t percent = ip.find('%');
    const std::string_view digits = ip.substr(0, percent);
    if (digits.size() >= sizeof text || digits.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::copy(digits.begin(), digits.end(), text);
    auto& v4 = as<sockaddr_in>(address.storage_);
    auto& v6 = as<sockaddr_in6>(address.storage_);
    if (percent == std::string_view::npos && ::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(static_cast<std::uint16_t>(port));
        address.size_ = sizeof v4;
        return address;
    }
    if (::inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) return std::nullopt;
    if (percent != std::string_view::npos &&
        !parse_scope(ip.substr(percent + 1), v6.sin6_scope_id)) {
        return std::nullopt;
    }
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.size_ = sizeof v6;
    return address;
}

Address Address::unix_path(std::string_view path) {
    if (path.empty()) throw std::invalid_argument("coir: the path of a Unix socket is empty");
    if (path.find('\0') != std::string_view::npos) {
        throw std::invalid_argument("coir: the path of a Unix socket contains a NUL");
    }
    Address address;
    auto& local = as<sockaddr_un>(address.storage_);
    if (path.size() >= sizeof local.sun_path) {
        throw IoError(ENAMETOOLONG, "Unix socket", -1,
                      std::to_string(path.size()) + " bytes of path, at most " +
                          std::to_string(sizeof local.sun_path - 1) + " are possible");
    }
    local.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), local.sun_path);
    address.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

int Address::port() const noexcept {
    if (family() == AF_INET) return ntohs(as<sockaddr_in>(storage_).sin_port);
    if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(storage_).sin6_port);
    return 0;
}

void Address::set_port(int port) noexcept {
    const std::uint16_t number = htons(static_cast<std::uint16_t>(port));
    if (family() == AF_INET) as<sockaddr_in>(storage_).sin_port = number;
    if (family() == AF_INET6) as<sockaddr_in6>(storage_).sin6_port = number;
}

std::string Address::host() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
        ::inet_ntop(AF_INET, &as<sockaddr_in>(storage_).sin_addr, text, sizeof text);
        return text;
    }
    if (family() == AF_INET6) {
        const auto& v6 = as<sockaddr_in6>(storage_);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return v6.sin6_scope_id == 0 ? std::string(text)
                                     : text + ("%" + std::to_string(v6.sin6_scope_id));
    }
    if (family() == AF_UNIX && size_ > offsetof(sockaddr_un, sun_path)) {
        const char* path = as<sockaddr_un>(storage_).sun_path;
        const std::size_t most = size_ - offsetof(sockaddr_un, sun_path);
        // An abstract name begins with a NUL, which is shown as @ by custom.
        if (path[0] == '\0') return "@" + std::string(path + 1, most - 1);
        return std::string(path, ::strnlen(path, most));
    }
    return {};
}

std::string Address::to_string() const {
    if (family() == AF_INET) return host() + ":" + std::to_string(port());
    if (family() == AF_INET6) return "[" + host() + "]:" + std::to_string(port());
    return host();
}

bool Address::is_loopback() const noexcept {
    if (family() == AF_INET) {
        return (ntohl(as<sockaddr_in>(storage_).sin_addr.s_addr) >> 24) == 127;
    }
    if (family() != AF_INET6) return false;
    const in6_addr& ip = as<sockaddr_in6>(storage_).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ip)) return ip.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&ip);
}

bool Address::equals(const Address& other) const noexcept {
    return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

}  // namespace v0
}  // namespace coir
