// SPDX-License-Identifier: BSL-1.0
// What reactors may conclude from a short transfer on a connected stream socket.
#pragma once

#include <coir/reactor.hpp>

#include <cstdint>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// Operation::hints for a descriptor of coir's own, of this address family.
constexpr std::uint8_t stream_hints(int family) noexcept {
    switch (family) {
        case AF_INET:
        case AF_INET6:
            return hint_owned | hint_stream;
        case AF_UNIX:
            return hint_owned | hint_unix_stream;
        default:
            return hint_owned;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
