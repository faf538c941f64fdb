// SPDX-License-Identifier: BSL-1.0
// coir::testing::probes: what COIR_SOMETIMES has counted.
#include <coir/detail/sometimes.hpp>
#include <coir/testing.hpp>

// The linker's: the beginning and the end of the section. Null when there is none.
extern "C" {
__attribute__((weak, visibility("hidden"))) extern coir::detail::Probe __start_coir_probes[];
__attribute__((weak, visibility("hidden"))) extern coir::detail::Probe __stop_coir_probes[];
}

namespace coir {
inline namespace v0 {
namespace testing {

std::vector<SimProbe> probes() {
    std::vector<SimProbe> all;
    for (auto* probe = __start_coir_probes; probe != __stop_coir_probes; ++probe) {
        all.push_back({probe->name, probe->count.load(std::memory_order_relaxed)});
    }
    return all;
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
