// SPDX-License-Identifier: BSL-1.0
// Pairs of connected streams, and a place for socket files.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <coir/net.hpp>
#include <cstdlib>
#include <string>
#include <utility>

namespace coir_test {

/// Two ends of a Unix socket pair.
inline std::pair<coir::Stream, coir::Stream> stream_pair(coir::StreamOptions options = {}) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    coir::Fd a(fds[0]);
    coir::Fd b(fds[1]);
    coir::Stream first(std::move(a), options);
    return {std::move(first), coir::Stream(std::move(b), options)};
}

/// A client's and a server's end of a TCP connection over the loopback.
inline std::pair<coir::Stream, coir::Stream> tcp_pair(coir::ConnectOptions options = {}) {
    auto listener = coir::Listener::listen("127.0.0.1", 0);
    auto client = coir::open_connection("127.0.0.1", listener.port(), options);
    return {std::move(client), listener.accept()};
}

/// A folder for socket files, removed with what is in it.
class SocketFolder {
public:
    SocketFolder() {
        char name[] = "/tmp/coir-test-XXXXXX";
        if (!::mkdtemp(name)) std::abort();
        name_ = name;
    }
    SocketFolder(const SocketFolder&) = delete;
    SocketFolder& operator=(const SocketFolder&) = delete;
    ~SocketFolder() {
        ::unlink(path().c_str());
        ::rmdir(name_.c_str());
    }
    std::string path() const { return name_ + "/s"; }
    bool exists() const { return ::access(path().c_str(), F_OK) == 0; }

private:
    std::string name_;
};

/// The errno of the IoError that f() throws; 0 when it throws none.
template <class F>
int io_error_of(F&& f) {
    try {
        f();
    } catch (const coir::IoError& error) {
        return error.code().value();
    }
    return 0;
}

}  // namespace coir_test
