// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coir_legacy {

/// Whether a signal handler of the program's runs here: what it calls must not suspend the task that
/// it has interrupted.
bool in_handler() noexcept;

}  // namespace coir_legacy
