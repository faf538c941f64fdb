// SPDX-License-Identifier: BSL-1.0
// What libcoir calls in libcoir-legacy, which it finds by name at run time.
#pragma once

#include <cstddef>

namespace coir_legacy {

struct PatchResult {
    std::size_t libraries;  ///< loaded ones that the pattern matches
    std::size_t calls;      ///< slots that were changed
    std::size_t refused;    ///< matches that are never patched: libc, coir
    int error;              ///< an errno: nothing was changed
};

}  // namespace coir_legacy

extern "C" {
/// Patches the loaded objects whose file names match. `categories`: bits of enum Category. Any
/// thread.
[[gnu::visibility("default")]] coir_legacy::PatchResult coir_legacy_patch(const char* pattern,
                                                                          unsigned categories);
/// Takes everything back; an errno, or 0.
[[gnu::visibility("default")]] int coir_legacy_unpatch();
}
