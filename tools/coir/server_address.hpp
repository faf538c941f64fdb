// SPDX-License-Identifier: BSL-1.0
// HOST:PORT on the command line.
#pragma once

#include <string>

#include <sys/socket.h>

namespace coir_tool {

struct ServerAddress {
    std::string name;  ///< as it was typed
    std::string host;  ///< without the brackets of [::1]
    sockaddr_storage address{};
    socklen_t size = 0;
};

/// Parses and resolves it, and connects once, so that what is wrong is said at once. UsageError when
/// it is not HOST:PORT; CommandError (1) when there is no such host, or nobody listens.
ServerAddress reach_server(const std::string& option, const std::string& text);

}  // namespace coir_tool
