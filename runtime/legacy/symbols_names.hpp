// SPDX-License-Identifier: BSL-1.0
// Names of hosts, services and users. See symbols.hpp.
#pragma once

// clang-format off
#define COIR_LEGACY_NAME_SYMBOLS(X) \
    X(getaddrinfo, dns, -1, int, (const char* host, const char* service, const addrinfo* hints, addrinfo** list), (host, service, hints, list))
// clang-format on
