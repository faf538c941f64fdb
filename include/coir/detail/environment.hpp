// SPDX-License-Identifier: BSL-1.0
// For the coir command; not for programs.
#pragma once

#include <coir/detail/config.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// Says now, and not when the first loop is made, what is wrong with the COIR_* variables. The
/// children of a fork do not say it again.
COIR_API void check_environment();

}  // namespace detail
}  // namespace v0
}  // namespace coir
