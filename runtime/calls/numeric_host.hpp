// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coir::inline v0::detail::calls {

/// Whether libc makes an address of `name` without asking anybody.
bool is_numeric_host(const char* name, int family) noexcept;

}  // namespace coir::inline v0::detail::calls
