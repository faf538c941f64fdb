// SPDX-License-Identifier: BSL-1.0
// See listening.hpp.
#include "listening.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <cerrno>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <exception>

#include "stream_state.hpp"
#include "task_operation.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

LoopPtr<LoopFd> make_listener(Scheduler& scheduler, const Address& address) {
    const long fd = scheduler.sys().socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw_io(fd, "socket", -1, address.to_string());
    Fd guard(static_cast<int>(fd));
    auto socket = LoopPtr<LoopFd>::make(scheduler, guard.get());
    static_cast<void>(guard.release());
    return socket;
}

void bind_and_listen(LoopFd& socket, const Address& address, const BindOptions& options) {
    Sys& sys = socket.scheduler().sys();
    const int fd = socket.fd();
    long result = sys(SYS_bind, fd, address.data(), address.size());
    if (result < 0) throw_io(result, "bind", fd, address.to_string());
    result = sys(SYS_listen, fd, options.backlog);
    if (result < 0) throw_io(result, "listen", fd, address.to_string());
}

bool is_missing(const IoError& error) noexcept {
    const int number = error.code().value();
    return number == EAFNOSUPPORT || number == EPROTONOSUPPORT || number == EADDRNOTAVAIL;
}

std::vector<LoopPtr<LoopFd>> try_all(Scheduler& scheduler, std::vector<Address>& addresses,
                                     const BindOptions& options) {
    std::vector<LoopPtr<LoopFd>> sockets;
    std::exception_ptr missing;
    for (Address& address : addresses) {
        try {
            if (!sockets.empty() && address.port() == 0) {
                address.set_port(socket_address(*sockets.front(), false).value().port());
            }
            sockets.push_back(listen_at(scheduler, address, options));
        } catch (const IoError& error) {
            if (!is_missing(error)) throw;
            missing = std::current_exception();
        }
    }
    if (sockets.empty() && missing) std::rethrow_exception(missing);
    return sockets;
}

}  // namespace

LoopPtr<LoopFd> listen_at(Scheduler& scheduler, const Address& address,
                          const BindOptions& options) {
    LoopPtr<LoopFd> socket = make_listener(scheduler, address);
    Sys& sys = scheduler.sys();
    const int fd = socket->fd();
    if (address.family() != AF_UNIX) {
        check_io(sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1), "setsockopt(SO_REUSEADDR)", fd);
        check_io(sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1), "setsockopt(TCP_NODELAY)", fd);
    }
    if (address.family() == AF_INET6) {
        check_io(sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0),
                 "setsockopt(IPV6_V6ONLY)", fd);
    }
    if (options.reuse_port) {
        check_io(sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1), "setsockopt(SO_REUSEPORT)", fd);
    }
    bind_and_listen(*socket, address, options);
    return socket;
}

std::vector<LoopPtr<LoopFd>> listen_at_all(Scheduler& scheduler, std::vector<Address> addresses,
                                           const BindOptions& options) {
    const std::vector<Address> wanted = addresses;
    const bool free_choice =
        wanted.size() > 1 && (wanted.front().port() == 0 || wanted.back().port() == 0);
    // The port that the system has chosen for the first address may be taken at the second.
    for (int attempts = 16;; --attempts) {
        try {
            return try_all(scheduler, addresses, options);
        } catch (const IoError& error) {
            if (!free_choice || attempts == 0 || error.code().value() != EADDRINUSE) throw;
        }
        addresses = wanted;
    }
}

// --- Unix ---------------------------------------------------------------------------------------

namespace {

long stat_path(Sys& sys, const std::string& path, struct stat& status) noexcept {
    return sys(SYS_newfstatat, AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW);
}

// Nobody answers at this socket file.
bool is_stale(Scheduler& scheduler, const Address& address) {
    Sys& sys = scheduler.sys();
    const long fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const long result = sys(SYS_connect, static_cast<int>(fd), address.data(), address.size());
    sys.close(static_cast<int>(fd));
    return result == -ECONNREFUSED;
}

}  // namespace

LoopPtr<LoopFd> listen_at_path(Scheduler& scheduler, std::string_view path,
                               const BindOptions& options, UnixPath& created) {
    const Address address = Address::unix_path(path);
    Sys& sys = scheduler.sys();
    std::string name(path);
    struct stat status {};
    if (stat_path(sys, name, status) == 0 && S_ISSOCK(status.st_mode) &&
        is_stale(scheduler, address)) {
        sys(SYS_unlinkat, AT_FDCWD, name.c_str(), 0);
    }
    LoopPtr<LoopFd> socket = listen_at(scheduler, address, options);
    const long result = stat_path(sys, name, status);
    if (result < 0) throw_io(result, "stat", socket->fd(), name);
    created = {std::move(name), status.st_dev, status.st_ino};
    return socket;
}

void remove_unix_path(Scheduler& scheduler, const UnixPath& created) noexcept {
    if (created.path.empty()) return;
    Sys& sys = scheduler.closed() ? real_sys() : scheduler.sys();
    struct stat status {};
    if (stat_path(sys, created.path, status) != 0) return;
    if (status.st_dev != created.device || status.st_ino != created.inode) return;
    sys(SYS_unlinkat, AT_FDCWD, created.path.c_str(), 0);
}

// --- Accepting ----------------------------------------------------------------------------------

std::int32_t accept_on(LoopFd& listener, Address& peer) {
    if (!listener.is_open()) return -ECANCELED;
    TaskOperation operation;
    operation.code = OpCode::accept;
    operation.hints = hint_owned;
    operation.fd = listener.fd();
    socklen_t size = Address::capacity();
    operation.address = peer.data();
    operation.address_size = &size;
    const std::int32_t result = listener.scheduler().perform(operation, "accept");
    if (result >= 0) peer.set_size(size);
    return result;
}

bool is_lost_connection(std::int32_t result) noexcept {
    switch (-result) {
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ETIMEDOUT:
        case EAGAIN:
        case EINTR:
            return true;
        default:
            return false;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
