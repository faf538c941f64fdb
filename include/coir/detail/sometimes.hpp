// SPDX-License-Identifier: BSL-1.0
// Probes: rare places that tests must reach. COIR_SOMETIMES("what happens here") counts how often it
// is passed; coir::testing::probes() says which of them never were. Nothing in builds with NDEBUG.
//
// For functions of .cpp files only: a probe is in a section of its own, which inline functions and
// templates cannot share. Internal: nothing here is API.
#pragma once

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

struct Probe {
    const char* name;
    std::atomic<std::uint64_t> count;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir

#ifdef NDEBUG
#define COIR_SOMETIMES(words) static_cast<void>(0)
#else
#define COIR_SOMETIMES(words)                                                    \
    do {                                                                         \
        __attribute__((section("coir_probes"), used)) static constinit           \
            ::coir::detail::Probe coir_probe{words, {0}};                        \
        coir_probe.count.fetch_add(1, std::memory_order_relaxed);                \
    } while (false)
#endif
