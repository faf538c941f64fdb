// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/reactor.hpp>

#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

/// Wraps a reactor and aborts, with one line that says what was violated, when it or its caller
/// breaks the contract of reactor.hpp: two completions, none, a foreign thread, a result that is
/// not the operation's. On in debug builds, and by COIR_DEBUG=reactor.
std::unique_ptr<Reactor> check_contract(std::unique_ptr<Reactor> inner);

}  // namespace detail
}  // namespace v0
}  // namespace coir
