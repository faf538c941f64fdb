// SPDX-License-Identifier: BSL-1.0
// System calls by their names, for who has made one that the world has no answer for.
#pragma once

#include <coir/detail/config.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// "" for one that is not in the list.
const char* call_name(long number) noexcept;

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
