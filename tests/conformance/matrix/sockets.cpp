// SPDX-License-Identifier: BSL-1.0
// See sockets.hpp.
#include "sockets.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_matrix {

int checked(int result, const char* call) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), call);
    return result;
}

void Peer::close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Peer::reset() noexcept {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

void Peer::write(const std::string& text) const noexcept {
    set_blocking(fd_, false);
    [[maybe_unused]] const auto written = ::write(fd_, text.data(), text.size());
}

void Peer::drain() const noexcept {
    set_blocking(fd_, false);
    char space[64 * 1024];
    while (::read(fd_, space, sizeof space) > 0) {
    }
}

void set_blocking(int fd, bool blocking) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

void fill_up(int fd) noexcept {
    const bool was_blocking = (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    set_blocking(fd, false);
    const std::string much(64 * 1024, 'f');
    // A little at a time in the end: what is left must be too small for anything. And again: TCP makes
    // room once more when the other side's kernel has taken something in, or packed it closer, of which a
    // probe tells after 200 ms. That late only ThreadSanitizer still looks.
    constexpr auto pause = std::chrono::milliseconds(COIR_TSAN ? 300 : 2);
    for (int quiet = 0; quiet < 3; ++quiet) {
        for (const std::size_t piece : {much.size(), std::size_t{1024}, std::size_t{1}}) {
            while (::write(fd, much.data(), piece) > 0) quiet = 0;
        }
        std::this_thread::sleep_for(pause);
    }
    if (was_blocking) set_blocking(fd, true);
}

namespace {

// Buffers of a fixed size: those that grow by themselves are never full for long. Connections have
// their listener's.
void fix_buffers(int fd) {
    constexpr int size = 64 * 1024;
    checked(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), "SO_SNDBUF");
    checked(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), "SO_RCVBUF");
}

}  // namespace

Peer tcp_listener(int backlog, coir::Address& address) {
    Peer listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    fix_buffers(listener.get());
    address = coir::Address("127.0.0.1", 0);
    checked(::bind(listener.get(), address.data(), address.size()), "bind");
    checked(::listen(listener.get(), backlog), "listen");
    socklen_t size = coir::Address::capacity();
    checked(::getsockname(listener.get(), address.data(), &size), "getsockname");
    address.set_size(size);
    return listener;
}

Peer begin_connect(const coir::Address& address) {
    Peer client(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
    fix_buffers(client.get());
    ::connect(client.get(), address.data(), address.size());
    return client;
}

std::pair<Peer, Peer> tcp_pair() {
    coir::Address address;
    const Peer listener = tcp_listener(1, address);
    Peer client = begin_connect(address);
    Peer server(checked(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"));
    return {std::move(server), std::move(client)};
}

std::pair<Peer, Peer> unix_pair() {
    int ends[2];
    checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
    return {Peer(ends[0]), Peer(ends[1])};
}

}  // namespace coir_matrix
