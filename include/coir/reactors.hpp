// SPDX-License-Identifier: BSL-1.0
// Choosing a reactor, and saying why.
#pragma once

#include <coir/detail/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace coir {
inline namespace v0 {

/// One registered reactor, as probed on this machine.
struct ReactorInfo {
    std::string name;
    int rank = 0;
    bool usable = false;
    std::string reason;  ///< what is in force, or why it cannot be used
    std::string advice;  ///< what to do about it; may be empty
};

/// Probes every registered reactor, best rank first. Costs a few system calls each; io_uring is
/// probed by setting up a real ring. Any thread.
COIR_API std::vector<ReactorInfo> list_reactors();

/// The reactor that `spec` would give: "auto", a name, "name:parameters", or a comma-separated list
/// of which the first usable one is taken. "auto" means COIR_REACTOR, then the file that
/// `coir pick --write` made, then epoll, io_uring, poll. `why` receives one sentence. Throws
/// std::invalid_argument for an unknown name and std::runtime_error when nothing named is usable:
/// an explicit wish is never silently replaced. Any thread.
COIR_API std::string pick_reactor(std::string_view spec, std::string* why = nullptr);

}  // namespace v0
}  // namespace coir
