// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coir/reactor.hpp>

#include <memory>

namespace coir {
inline namespace v0 {
namespace detail {

/// Makes a reactor that supports only poll run everything: readiness through it, the calls here.
std::unique_ptr<Reactor> adapt_poll_only(std::unique_ptr<Reactor> inner, Sys& sys);

}  // namespace detail
}  // namespace v0
}  // namespace coir
