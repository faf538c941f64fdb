// SPDX-License-Identifier: BSL-1.0
// Whether the program uses libcoir itself: it has tasks and a loop of its own then, and is left
// alone. That matters for what a program runs, which inherits what is preloaded.
#pragma once

namespace coir_deep {

bool program_uses_libcoir() noexcept;

}  // namespace coir_deep
