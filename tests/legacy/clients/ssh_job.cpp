// SPDX-License-Identifier: BSL-1.0
// A tunnel, and no command: the unprivileged user that sshd runs as may have no shell.
#include "crowd.hpp"
#include "jobs.hpp"
#include "loopback.hpp"

#include <memory>
#include <stdexcept>

#include <libssh2.h>

namespace jobs {
namespace {

using Session = std::unique_ptr<LIBSSH2_SESSION, decltype(&libssh2_session_free)>;
using Channel = std::unique_ptr<LIBSSH2_CHANNEL, decltype(&libssh2_channel_free)>;

[[noreturn]] void fail(const Session& session, const char* what) {
    char* text = nullptr;
    libssh2_session_last_error(session.get(), &text, nullptr, 0);
    throw std::runtime_error(std::string(what) + ": " + (text ? text : "?"));
}

void log_in(const Session& session, int fd) {
    if (libssh2_session_handshake(session.get(), fd) != 0) fail(session, "handshake");
    const std::string user = crowd::port_from("COIR_SSH_USER");
    const std::string key = crowd::port_from("COIR_SSH_KEY");
    if (libssh2_userauth_publickey_fromfile(session.get(), user.c_str(), (key + ".pub").c_str(),
                                            key.c_str(), nullptr) != 0) {
        fail(session, "log-in");
    }
}

std::string get(const Session& session, int number) {
    const int port = std::stoi(crowd::port_from("COIR_HTTP_PORT"));
    const Channel channel(libssh2_channel_direct_tcpip(session.get(), "127.0.0.1", port),
                          &libssh2_channel_free);
    if (!channel) fail(session, "tunnel");
    const std::string request = "GET /" + std::to_string(number) +
                                " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (libssh2_channel_write(channel.get(), request.data(), request.size()) !=
        static_cast<ssize_t>(request.size())) {
        fail(session, "write");
    }
    std::string answer;
    char buffer[4096];
    ssize_t size;
    while ((size = libssh2_channel_read(channel.get(), buffer, sizeof buffer)) > 0) {
        answer.append(buffer, static_cast<std::size_t>(size));
    }
    if (size < 0) fail(session, "read");
    return answer;
}

}  // namespace

void start_ssh() { libssh2_init(0); }

std::string ssh(int number) {
    const Loopback socket("COIR_SSH_PORT");
    const Session session(libssh2_session_init(), &libssh2_session_free);
    if (!session) throw std::runtime_error("no memory");
    log_in(session, socket.fd);
    const std::string answer = get(session, number);
    libssh2_session_disconnect(session.get(), "done");
    return body_of(answer);
}

}  // namespace jobs
