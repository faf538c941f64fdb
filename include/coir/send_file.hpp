// SPDX-License-Identifier: BSL-1.0
// What Stream::send_file() and Socket::sendfile() do where the kernel cannot send a file.
#pragma once

#include <coir/detail/config.hpp>
#include <cstdint>

namespace coir {
inline namespace v0 {

enum class SendFileFallback : std::uint8_t {
    copy,  ///< read the file and write what was read
    none,  ///< throw IoError(EOPNOTSUPP)
};

}  // namespace v0
}  // namespace coir
