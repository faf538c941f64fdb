// SPDX-License-Identifier: BSL-1.0
// What all sockets of the world have in common: names and options.
#pragma once

#include "endpoint.hpp"
#include "node.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Passed;

/// One message: recvmsg()'s and sendmsg()'s. Of control data there are descriptors only.
struct Message {
    Pieces pieces;
    sockaddr* name = nullptr;  ///< send: to; receive: where the sender's goes, or null
    socklen_t name_size = 0;   ///< in and out
    int flags = 0;             ///< MSG_PEEK, ...
    int result_flags = 0;      ///< receive: MSG_TRUNC
    std::shared_ptr<Passed> passed;  ///< Unix: the descriptors that it carries, or null
};

class Socket : public Node {
public:
    Socket(World& world, int family, int type, int protocol);

    virtual long bind(const sockaddr* address, socklen_t size);
    virtual long listen(int backlog) = 0;
    virtual long accept(std::shared_ptr<Node>& connection, sockaddr* peer, socklen_t* size) = 0;
    virtual long connect(const sockaddr* address, socklen_t size) = 0;
    virtual long shutdown(int how) = 0;
    virtual long receive(Message& message) = 0;
    virtual long send(const Message& message) = 0;
    long local_name(sockaddr* address, socklen_t* size) const;
    virtual long peer_name(sockaddr* address, socklen_t* size) const;
    long get_option(int level, int option, void* value, socklen_t* size);
    long set_option(int level, int option, const void* value, socklen_t size);

    unsigned mode() const noexcept override { return S_IFSOCK; }
    long read(Pieces into) override;
    long write(Pieces from) override;

    int family() const noexcept { return family_; }
    int type() const noexcept { return type_; }
    const Endpoint& local() const noexcept { return local_; }
    bool is_listening() const noexcept { return listening_; }
    bool reuses_address() const noexcept { return flag(SOL_SOCKET, SO_REUSEADDR); }
    bool reuses_port() const noexcept { return flag(SOL_SOCKET, SO_REUSEPORT); }
    bool only_v6() const noexcept;

protected:
    /// Copies as much as fits; how much.
    static std::size_t copy_out(const std::string& bytes, Pieces into) noexcept;
    bool flag(int level, int option) const noexcept;
    /// Binds to a port of the system's choice, if to none yet.
    long bind_somewhere(const Host& host);
    void release_name() noexcept;
    int take_error() noexcept { return std::exchange(error_, 0); }
    bool lingers_not() const noexcept;  ///< closing resets

    Endpoint local_;
    Endpoint peer_;
    int error_ = 0;  ///< SO_ERROR
    bool listening_ = false;

private:
    const int family_;
    const int type_;
    const int protocol_;
    std::map<std::pair<int, int>, std::string> options_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
