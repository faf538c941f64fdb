// SPDX-License-Identifier: BSL-1.0
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <netdb.h>
#include <sys/socket.h>

namespace jobs {

std::string name(int number, bool numeric) {
    const std::string host = numeric ? "127.1." + std::to_string(number / 256) + "." +
                                           std::to_string(number % 256)
                                     : "host-" + std::to_string(number) + ".slow";
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), "80", &hints, &list)) {
        throw std::runtime_error(host + ": " + ::gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    char text[NI_MAXHOST];
    if (const int error = ::getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, nullptr,
                                        0, NI_NUMERICHOST)) {
        throw std::runtime_error(::gai_strerror(error));
    }
    return text;
}

}  // namespace jobs
