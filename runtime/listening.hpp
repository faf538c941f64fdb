// SPDX-License-Identifier: BSL-1.0
// Listening sockets, shared by Listener and Server.
#pragma once

#include <sys/types.h>

#include <coir/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loop_object.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

struct BindOptions {
    int backlog = 0;
    bool reuse_port = false;
    bool v6_only = true;
};

/// A socket that listens at `address`, close-on-exec, with SO_REUSEADDR, and TCP_NODELAY for its
/// connections to inherit. Throws IoError naming the address.
LoopPtr<LoopFd> listen_at(Scheduler& scheduler, const Address& address, const BindOptions& options);

/// One socket for each address. With port 0 all get the same port. Address families that the system
/// does not have, and addresses that it has lost, are left out if there are others.
std::vector<LoopPtr<LoopFd>> listen_at_all(Scheduler& scheduler, std::vector<Address> addresses,
                                           const BindOptions& options);

/// The socket file of a Unix listener.
struct UnixPath {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
};
/// Listens at a path; what a dead server has left there is removed first. IoError(EADDRINUSE) when
/// a live one, or anything but a socket, is there.
LoopPtr<LoopFd> listen_at_path(Scheduler& scheduler, std::string_view path,
                               const BindOptions& options, UnixPath& created);
/// Removes the file if it is still the one that was created.
void remove_unix_path(Scheduler& scheduler, const UnixPath& created) noexcept;

/// The next connection: a descriptor, or -errno. ECANCELED: the listener was closed.
std::int32_t accept_on(LoopFd& listener, Address& peer);
/// What may be tried again at once: the error of a connection that was gone before it was taken.
bool is_lost_connection(std::int32_t result) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
