// SPDX-License-Identifier: BSL-1.0
// The network: connecting here; streams, servers, sockets, addresses and descriptors in the headers
// that this one includes.
#pragma once

#include <chrono>
#include <coir/address.hpp>
#include <coir/detail/config.hpp>
#include <coir/fd.hpp>
#include <coir/pipe.hpp>
#include <coir/server.hpp>
#include <coir/socket.hpp>
#include <coir/stream.hpp>
#include <coir/time.hpp>
#include <coir/udp.hpp>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace coir {
inline namespace v0 {

struct ConnectOptions {
    /// How long one address may take before the next one is tried as well (RFC 8305).
    Nanoseconds happy_eyeballs_delay = std::chrono::milliseconds(250);
    /// Where to connect from. Addresses of another family are passed over.
    std::optional<Address> local_addr = {};
    /// AF_INET or AF_INET6 to use only these.
    int family = AF_UNSPEC;
    bool nodelay = true;
    /// When every address fails: throw an ExceptionGroup of all errors instead of one IoError.
    bool all_errors = false;
    /// Of the stream: StreamOptions::limit.
    std::size_t limit = 64 * 1024;
};

/// Connects by TCP. The addresses of a name are tried as RFC 8305 says: families alternate, the
/// next one starts when the one before fails or takes longer than the delay, the first that
/// connects wins and the others are given up. IP literals are not resolved; an empty host is this
/// machine. Throws IoError naming the address (with several: all that went wrong, if they differ;
/// code() is the first's), ResolveError, std::invalid_argument, CancelledError; whatever it throws,
/// its sockets are closed. There is no timeout but the kernel's (two minutes): use with_timeout().
COIR_API COIR_SUSPENDS Stream open_connection(std::string_view host, int port,
                                              const ConnectOptions& options = {});
/// Connects to one address, IP or Unix.
COIR_API COIR_SUSPENDS Stream open_connection(const Address& address,
                                              const ConnectOptions& options = {});
/// Connects to whichever of the addresses is quickest, beginning in their order, as above.
COIR_API COIR_SUSPENDS Stream open_connection(const std::vector<Address>& addresses,
                                              const ConnectOptions& options = {});
/// Connects to a Unix socket. While the listener's queue is full it tries again, until cancelled.
/// Paths as for start_unix_server().
COIR_API COIR_SUSPENDS Stream open_unix_connection(std::string_view path,
                                                   const ConnectOptions& options = {});

}  // namespace v0
}  // namespace coir
