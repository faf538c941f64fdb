// SPDX-License-Identifier: BSL-1.0
// What connecting and listening need of the resolver.
#pragma once

#include <coir/address.hpp>
#include <string_view>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// Throws std::invalid_argument for what cannot be a host name, before anything is asked.
void require_host(std::string_view host);
void require_port(int port);

/// The addresses of a host, without duplicates, in the resolver's order. Never empty.
std::vector<Address> resolve_addresses(std::string_view host, int port, int family, bool passive);

}  // namespace detail
}  // namespace v0
}  // namespace coir
