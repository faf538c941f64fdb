// SPDX-License-Identifier: BSL-1.0
// System calls as a script makes them, on the kernel or in a simulated world, and what they said.
#pragma once

#include "reactors/sim/sim_sys.hpp"
#include "runtime/fd_passing.hpp"

#include <coir/detail/sys.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

namespace coir_test {

class Calls {
public:
    explicit Calls(coir::detail::Sys& sys) : sys_(sys) {}
    Calls(const Calls&) = delete;
    Calls& operator=(const Calls&) = delete;
    ~Calls() {
        for (int fd : open_) sys_.close(fd);
    }

    const std::vector<std::string>& trace() const { return trace_; }
    coir::detail::Sys& sys() { return sys_; }

    /// Notes what a call said: its errno, or the number.
    long note(std::string_view what, long result) {
        trace_.push_back(std::string(what) + ": " +
                         (result < 0 ? std::generic_category().message(static_cast<int>(-result))
                                     : std::to_string(result)));
        return result;
    }
    void remark(std::string text) { trace_.push_back(std::move(text)); }

    int socket(int family = AF_INET, int type = SOCK_STREAM) {
        return keep(sys_.socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    }
    std::pair<int, int> pair(int type = SOCK_STREAM) {
        int ends[2] = {-1, -1};
        sys_(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, &ends[0]);
        return {keep(ends[0]), keep(ends[1])};
    }
    std::pair<int, int> pipe() {
        int ends[2] = {-1, -1};
        sys_(SYS_pipe2, &ends[0], O_CLOEXEC | O_NONBLOCK);
        return {keep(ends[0]), keep(ends[1])};
    }
    int keep(long fd) {
        if (fd >= 0) open_.push_back(static_cast<int>(fd));
        return static_cast<int>(fd);
    }
    void close(int fd) {
        std::erase(open_, fd);
        sys_.close(fd);
        settle();
    }
    /// A loopback connection takes the kernel a moment.
    void settle() const {
        if (&sys_ != &coir::detail::real_sys()) return;
        const timespec moment{0, 2'000'000};
        ::nanosleep(&moment, nullptr);
    }

    static sockaddr_in loopback(std::uint16_t port, std::uint32_t host = INADDR_LOOPBACK) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(host);
        return address;
    }
    long bind(int fd, const sockaddr_in& address) {
        return sys_(SYS_bind, fd, &address, sizeof address);
    }
    long connect(int fd, const sockaddr_in& address) {
        long result = sys_(SYS_connect, fd, &address, sizeof address);
        if (result != -EINPROGRESS) return result;
        settle();
        return sys_(SYS_connect, fd, &address, sizeof address);
    }
    long bind(int fd, const std::string& path) { return with_path(SYS_bind, fd, path); }
    long connect(int fd, const std::string& path) { return with_path(SYS_connect, fd, path); }
    /// An abstract name would do, were it not for the errors of files.
    static std::string path(const char* name) {
        return "/tmp/coir-" + std::to_string(::getpid()) + "-" + name;
    }
    void remove(const std::string& path) { sys_(SYS_unlinkat, AT_FDCWD, path.c_str(), 0); }
    sockaddr_in name(int fd) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        sys_(SYS_getsockname, fd, &address, &size);
        return address;
    }
    /// A listener at a port of the system's choice.
    int listener(int backlog = 8) {
        const int fd = socket();
        bind(fd, loopback(0));
        sys_(SYS_listen, fd, backlog);
        return fd;
    }
    int accept(int fd) {
        settle();
        return keep(sys_(SYS_accept4, fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    }
    /// A client's and a server's end.
    std::pair<int, int> tcp_pair() {
        const int at = listener();
        const int client = socket();
        connect(client, name(at));
        const int server = accept(at);
        close(at);
        return {client, server};
    }

    long send(int fd, std::string_view bytes, int flags = 0) {
        const long result =
            sys_(SYS_sendto, fd, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL, nullptr, 0);
        settle();
        return result;
    }
    long send_to(int fd, std::string_view bytes, const std::string& path) {
        const sockaddr_un to = address_of(path);
        return sys_(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, &to, sizeof to);
    }
    /// Bytes for anything that can be written to.
    long send_bytes(int fd, std::string_view bytes) {
        return sys_(SYS_write, fd, bytes.data(), bytes.size());
    }
    /// `length`: what the control data says of itself, if not the truth.
    long send_with(int fd, std::string_view bytes, std::vector<int> fds, std::size_t length = 0) {
        iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        coir::detail::FdMessage message(&piece, 1);
        message.put(fds);
        if (length != 0) {
            const std::size_t used = CMSG_SPACE(fds.size() * sizeof(int));
            auto* const control = static_cast<char*>(message.header().msg_control);
            if (length > used) std::memset(control + used, 0, length - used);
            CMSG_FIRSTHDR(&message.header())->cmsg_len = length;
        }
        return sys_(SYS_sendmsg, fd, &message.header(), MSG_NOSIGNAL);
    }
    /// Notes the bytes, the flags and how many descriptors came, which it keeps.
    std::vector<int> receive_with(std::string_view what, int fd, std::size_t size, std::size_t room,
                                  int flags = 0) {
        std::string bytes(size, '\0');
        iovec piece{bytes.data(), bytes.size()};
        coir::detail::FdMessage message(&piece, 1);
        message.make_room(room);
        const long result =
            note(what, sys_(SYS_recvmsg, fd, &message.header(), flags | MSG_CMSG_CLOEXEC));
        coir::ReceivedFds received;
        if (result >= 0) message.take(sys_, received);
        std::vector<int> fds;
        for (coir::Fd& one : received.fds) fds.push_back(keep(one.release()));
        bytes.resize(result < 0 ? 0 : static_cast<std::size_t>(result));
        remark("  '" + bytes + "', " + std::to_string(fds.size()) + " descriptors, flags " +
               std::to_string(message.header().msg_flags) + ", control data " +
               std::to_string(message.header().msg_controllen));
        return fds;
    }
    /// Notes the bytes as well.
    long recv(std::string_view what, int fd, std::size_t size = 64, int flags = 0) {
        settle();
        std::string bytes(size, '\0');
        const long result = sys_(SYS_recvfrom, fd, bytes.data(), size, flags, nullptr, nullptr);
        note(what, result);
        if (result > 0) {
            remark("  '" + bytes.substr(0, std::min(size, static_cast<std::size_t>(result))) + "'");
        }
        return result;
    }
    long shutdown(int fd, int how) {
        const long result = sys_(SYS_shutdown, fd, how);
        settle();
        return result;
    }
    void no_linger(int fd) {
        const linger at_once{1, 0};
        sys_(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    void poll(std::string_view what, int fd) {
        settle();
        pollfd one{fd, POLLIN | POLLOUT | POLLRDHUP, 0};
        const timespec zero{0, 0};
        sys_(SYS_ppoll, &one, 1, &zero, nullptr, 0);
        std::string text(what);
        text += " polls";
        const std::pair<short, const char*> bits[] = {
            {POLLIN, " IN"},   {POLLOUT, " OUT"},     {POLLERR, " ERR"},
            {POLLHUP, " HUP"}, {POLLRDHUP, " RDHUP"}, {POLLNVAL, " NVAL"}};
        for (const auto& [bit, word] : bits) {
            if ((one.revents & bit) != 0) text += word;
        }
        remark(std::move(text));
    }
    long option(int fd, int level, int which) {
        int value = 0;
        const long result = sys_.getsockopt(fd, level, which, &value);
        return result < 0 ? result : value;
    }

private:
    static sockaddr_un address_of(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        return address;
    }
    long with_path(long number, int fd, const std::string& path) {
        const sockaddr_un address = address_of(path);
        const auto size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
        return sys_(number, fd, &address, size);
    }

    coir::detail::Sys& sys_;
    std::vector<int> open_;
    std::vector<std::string> trace_;
};

}  // namespace coir_test
