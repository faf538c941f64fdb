// SPDX-License-Identifier: BSL-1.0
// The parts of channels that do not depend on what they carry.
#include <coir/channel.hpp>

#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {

std::size_t checked_capacity(std::ptrdiff_t capacity) {
    if (capacity < 0) {
        throw std::invalid_argument("coir: the capacity of a channel must be 0 or more, got " +
                                    std::to_string(capacity));
    }
    return static_cast<std::size_t>(capacity);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
