// SPDX-License-Identifier: BSL-1.0
// What the runtime may know of the reactors' folder.
#pragma once

#include <coir/reactor.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace coir {
inline namespace v0 {
namespace detail {

struct ReactorChoice {
    std::unique_ptr<Reactor> reactor;
    std::string why;
};

/// Chooses by `spec` (the grammar of RunOptions::reactor), makes the reactor, and wraps it: in the
/// readiness part when it supports only poll, in the checker in debug builds and by
/// COIR_DEBUG=reactor. Throws as pick_reactor() does.
ReactorChoice choose_reactor(std::string_view spec);

/// Carries an operation out by a plain system call that may block; for pool threads.
std::int32_t perform_blocking(const Operation& operation, Sys& sys) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
