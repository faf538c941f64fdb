// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/reactor.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

/// The registry's row of the epoll reactor.
ReactorFactory epoll_factory();

}  // namespace detail
}  // namespace v0
}  // namespace coir
