// SPDX-License-Identifier: BSL-1.0
// The file that `coir pick --write` makes and the automatic choice reads. Shared by the library and
// the coir command; not for programs.
#pragma once

#include <coir/detail/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

/// What identifies this machine for a recorded choice: kernel release, processor, their number.
COIR_API std::string machine_fingerprint();

/// Where a choice is looked for, in order: COIR_CONFIG alone if that is set, else the user's file,
/// then the machine's.
COIR_API std::vector<std::string> pick_file_paths();

struct PickedReactor {
    std::string reactor;
    std::string path;
    std::string fingerprint;
};
/// The first recorded choice that is for this machine. `note` says what was passed over and why.
COIR_API std::optional<PickedReactor> read_pick_file(std::string* note);

}  // namespace detail
}  // namespace v0
}  // namespace coir
