// SPDX-License-Identifier: BSL-1.0
// See loopback.hpp. Part of the programs, and not of a library, so that patching them reaches it.
#include "loopback.hpp"

#include "crowd.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace jobs {

Loopback::Loopback(const char* variable) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(crowd::port_from(variable))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd);
        throw std::runtime_error("connect failed");
    }
}

Loopback::~Loopback() { ::close(fd); }

std::string body_of(const std::string& answer) {
    const std::size_t body = answer.find("\r\n\r\n");
    if (body == std::string::npos) throw std::runtime_error("no answer");
    return answer.substr(body + 4);
}

}  // namespace jobs
