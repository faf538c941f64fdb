// SPDX-License-Identifier: BSL-1.0
// Child processes and signals. See symbols.hpp.
#pragma once

#define COIR_LEGACY_PROCESS_SYMBOLS(X)
