// SPDX-License-Identifier: BSL-1.0
// Who is bound where: ports, and the paths of Unix sockets.
#pragma once

#include "endpoint.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Socket;
class World;

class Names {
public:
    explicit Names(World& world) : world_(world) {}

    /// Takes the name for `socket`; a port 0 becomes a free one. -EADDRINUSE, ...
    long bind(Socket& socket, Endpoint& endpoint);
    void release(Socket& socket) noexcept;
    /// Who takes what is sent to the port (of SOCK_STREAM: who listens); null: nobody.
    Socket* find(int type, const Endpoint& to);
    /// Who is bound to the path. Null: nobody of this type, and `error` says why.
    Socket* find_unix(int type, const std::string& path, long& error) const noexcept;
    /// The number of the socket file, 0 when there is none; its socket may have been closed.
    std::uint64_t path_number(const std::string& path) const noexcept;
    bool unlink(const std::string& path) noexcept { return paths_.erase({0, path}) > 0; }

private:
    struct Path {
        Socket* socket = nullptr;
        std::uint64_t number = 0;
    };
    bool is_taken(const Socket& by, const Endpoint& endpoint) const noexcept;
    long bind_path(Socket& socket, Endpoint& endpoint);

    World& world_;
    std::map<std::pair<int, std::uint16_t>, std::vector<Socket*>> ports_;  // by type and port
    std::map<std::pair<int, std::string>, Path> paths_;  // abstract ones by type as well, else 0
    std::uint16_t next_port_ = 32768;
    std::uint64_t next_path_ = 1;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
