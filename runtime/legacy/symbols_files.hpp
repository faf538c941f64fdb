// SPDX-License-Identifier: BSL-1.0
// Files that make their callers wait, and message queues. See symbols.hpp.
#pragma once

#define COIR_LEGACY_FILE_SYMBOLS(X)
