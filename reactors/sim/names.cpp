// SPDX-License-Identifier: BSL-1.0
// See names.hpp.
#include "names.hpp"

#include "socket.hpp"
#include "world.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// Whether a socket that is bound to `at` gets what goes to `host`.
bool covers(const Socket& socket, const Host& at, const Host& host) noexcept {
    if (at == host) return true;
    if (at == Host::v4_any()) return host.is_v4();
    return at == Host::v6_any() && (!host.is_v4() || !socket.only_v6());
}

bool is_abstract(const std::string& path) noexcept { return path.empty() || path[0] == '\0'; }

std::pair<int, std::string> key_of(int type, const std::string& path) {
    return {is_abstract(path) ? type : 0, path};
}

bool overlap(const Socket& a, const Host& at_a, const Socket& b, const Host& at_b) noexcept {
    return covers(a, at_a, at_b) || covers(b, at_b, at_a);
}

}  // namespace

bool Names::is_taken(const Socket& by, const Endpoint& endpoint) const noexcept {
    const auto at = ports_.find({by.type(), endpoint.port});
    if (at == ports_.end()) return false;
    return std::any_of(at->second.begin(), at->second.end(), [&](const Socket* other) {
        if (!overlap(by, endpoint.host, *other, other->local().host)) return false;
        if (by.reuses_port() && other->reuses_port()) return false;
        return !(by.reuses_address() && other->reuses_address() && !other->is_listening());
    });
}

long Names::bind_path(Socket& socket, Endpoint& endpoint) {
    if (endpoint.path.empty()) {  // autobind: an abstract name
        endpoint.path = std::string(1, '\0') + "sim" + std::to_string(next_path_);
    }
    struct stat status {};
    const auto key = key_of(socket.type(), endpoint.path);
    const bool is_file = !is_abstract(endpoint.path) && ::lstat(endpoint.path.c_str(), &status) == 0;
    if (is_file || paths_.count(key) != 0) return -EADDRINUSE;
    paths_[key] = {&socket, next_path_++};
    return 0;
}

long Names::bind(Socket& socket, Endpoint& endpoint) {
    if (socket.family() == AF_UNIX) return bind_path(socket, endpoint);
    if (endpoint.port != 0) {
        if (is_taken(socket, endpoint)) return -EADDRINUSE;
    } else {
        for (int attempts = 28232; is_taken(socket, endpoint) || endpoint.port == 0; --attempts) {
            if (attempts == 0) return -EADDRINUSE;
            endpoint.port = next_port_;
            next_port_ = next_port_ == 60999 ? std::uint16_t{32768}
                                             : static_cast<std::uint16_t>(next_port_ + 1);
        }
    }
    ports_[{socket.type(), endpoint.port}].push_back(&socket);
    return 0;
}

void Names::release(Socket& socket) noexcept {
    if (socket.family() == AF_UNIX) {
        const auto at = paths_.find(key_of(socket.type(), socket.local().path));
        if (at == paths_.end() || at->second.socket != &socket) return;
        at->second.socket = nullptr;
        if (at->first.first != 0) paths_.erase(at);  // a file stays, an abstract name does not
        return;
    }
    const auto at = ports_.find({socket.type(), socket.local().port});
    if (at == ports_.end()) return;
    std::erase(at->second, &socket);
    if (at->second.empty()) ports_.erase(at);
}

// The one that is bound most precisely; among those that share it, any.
Socket* Names::find(int type, const Endpoint& to) {
    const auto at = ports_.find({type, to.port});
    if (at == ports_.end()) return nullptr;
    std::vector<Socket*> best;
    int best_rank = 0;
    for (Socket* socket : at->second) {
        if (type == SOCK_STREAM && !socket->is_listening()) continue;
        const Host& host = socket->local().host;
        if (!covers(*socket, host, to.host)) continue;
        const int rank = host == to.host ? 3 : host == Host::v4_any() ? 2 : 1;
        if (rank > best_rank) best.clear();
        if (rank >= best_rank) best.push_back(socket);
        best_rank = std::max(best_rank, rank);
    }
    if (best.empty()) return nullptr;
    const auto count = static_cast<std::uint32_t>(best.size());
    return best[world_.choices.pick(Site::listener, count)];
}

Socket* Names::find_unix(int type, const std::string& path, long& error) const noexcept {
    struct stat status {};
    error = -ECONNREFUSED;
    const auto at = paths_.find(key_of(type, path));
    if (at == paths_.end()) {
        if (!is_abstract(path) && ::lstat(path.c_str(), &status) != 0) error = -ENOENT;
        return nullptr;
    }
    Socket* const socket = at->second.socket;
    if (!socket || socket->type() == type) return socket;
    error = -EPROTOTYPE;
    return nullptr;
}

std::uint64_t Names::path_number(const std::string& path) const noexcept {
    const auto at = paths_.find({0, path});
    return at == paths_.end() ? 0 : at->second.number;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
