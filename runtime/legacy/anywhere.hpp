// SPDX-License-Identifier: BSL-1.0
// Functions of the categories `wakes` and `makes_keys`: they matter to tasks whoever calls them, so that
// they apply outside tasks, too.
#pragma once

#include "real.hpp"

namespace coir::inline v0::detail {
class Scheduler;
}

namespace coir_legacy {

/// The loop whose task runs here and may be suspended by locks; null for all others.
coir::detail::Scheduler* suspendable_by_locks() noexcept;
/// Whether COIR_LEGACY has the word `locks`.
bool locks_enabled() noexcept;

// Declared for every symbol of the table, defined for those of these categories.
namespace anywhere {
#define COIR_LEGACY_DECLARE(symbol, category, number, result, parameters, arguments) \
    result symbol parameters;
COIR_LEGACY_SYMBOLS(COIR_LEGACY_DECLARE)
#undef COIR_LEGACY_DECLARE
}  // namespace anywhere
}  // namespace coir_legacy
