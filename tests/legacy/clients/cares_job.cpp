// SPDX-License-Identifier: BSL-1.0
// c-ares waits for nothing itself: its user does, with poll().
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>

namespace jobs {
namespace {

struct Answer {
    bool done = false;
    std::string text;
    std::string error;
};

void take(void* where, int status, int, hostent* host) {
    Answer& answer = *static_cast<Answer*>(where);
    answer.done = true;
    if (status != ARES_SUCCESS) {
        answer.error = ares_strerror(status);
        return;
    }
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(host->h_addrtype, host->h_addr_list[0], text, sizeof text);
    answer.text = text;
}

void wait_and_process(ares_channel channel) {
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    const int mask = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    pollfd waits[ARES_GETSOCK_MAXNUM];
    nfds_t count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
        const int events = (ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) |
                           (ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0);
        if (events != 0) waits[count++] = {sockets[i], static_cast<short>(events), 0};
    }
    timeval left{};
    timeval* const until = ares_timeout(channel, nullptr, &left);
    const int milliseconds = until ? static_cast<int>(until->tv_sec * 1000 + until->tv_usec / 1000) : -1;
    if (::poll(waits, count, milliseconds) == 0) {
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        return;
    }
    for (nfds_t i = 0; i < count; ++i) {
        ares_process_fd(channel, waits[i].revents & ~POLLOUT ? waits[i].fd : ARES_SOCKET_BAD,
                        waits[i].revents & POLLOUT ? waits[i].fd : ARES_SOCKET_BAD);
    }
}

}  // namespace

std::string cares(int number) {
    ares_channel made = nullptr;
    if (const int status = ares_init(&made)) throw std::runtime_error(ares_strerror(status));
    const std::unique_ptr<std::remove_pointer_t<ares_channel>, decltype(&ares_destroy)> channel(
        made, &ares_destroy);
    const std::string server = "127.0.0.1:" + crowd::port_from("COIR_DNS_PORT");
    if (const int status = ares_set_servers_ports_csv(made, server.c_str())) {
        throw std::runtime_error(ares_strerror(status));
    }
    Answer answer;
    const std::string host = "host-" + std::to_string(number) + ".slow";
    ares_gethostbyname(made, host.c_str(), AF_INET, &take, &answer);
    while (!answer.done) wait_and_process(made);
    if (!answer.error.empty()) throw std::runtime_error(host + ": " + answer.error);
    return answer.text;
}

}  // namespace jobs
