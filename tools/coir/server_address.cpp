// SPDX-License-Identifier: BSL-1.0
#include "server_address.hpp"

#include "command.hpp"
#include "numbers.hpp"
#include "text.hpp"

#include "support/system.hpp"

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <poll.h>

namespace coir_tool {
namespace {

constexpr int patience_ms = 5000;

struct Parts {
    std::string host;
    std::string port;
};

Parts split(const std::string& option, const std::string& text) {
    const auto refuse = [&] {
        return UsageError(option + " takes HOST:PORT such as 127.0.0.1:8080 or [::1]:80, got " +
                          in_quotes(text));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || text.find('\0') != std::string::npos) throw refuse();
    Parts parts{text.substr(0, colon), text.substr(colon + 1)};
    if (parts.host.starts_with("[") && parts.host.ends_with("]")) {
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    } else if (parts.host.find(':') != std::string::npos) {
        throw refuse();  // which of the colons is meant?
    }
    if (parts.host.empty() || parts.host.size() > 253) throw refuse();
    parse_count(option + ": the port", parts.port, 1, 65535);
    return parts;
}

// 0, or an errno.
int try_to_connect(const addrinfo& entry) {
    const coir_bench::UniqueFd fd(
        ::socket(entry.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return errno;
    if (::connect(fd.get(), entry.ai_addr, entry.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    pollfd one{fd.get(), POLLOUT, 0};
    const int ready = ::poll(&one, 1, patience_ms);
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

ServerAddress reach_server(const std::string& option, const std::string& text) {
    const Parts parts = split(option, text);
    const auto unreachable = [&](const std::string& why) {
        return CommandError(exit_failure, in_quotes(text) + " cannot be reached: " + why);
    };
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
    if (error != 0) throw unreachable(error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> entries(found, &::freeaddrinfo);
    int why = 0;
    for (const addrinfo* entry = found; entry; entry = entry->ai_next) {
        why = try_to_connect(*entry);
        if (why != 0) continue;
        ServerAddress server{text, parts.host, {}, entry->ai_addrlen};
        std::memcpy(&server.address, entry->ai_addr, entry->ai_addrlen);
        return server;
    }
    throw unreachable(std::strerror(why));
}

}  // namespace coir_tool
