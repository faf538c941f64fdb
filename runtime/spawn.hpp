// SPDX-License-Identifier: BSL-1.0
// Making a child process and running a program in it.
//
// The child shares the parent's memory until execve() (CLONE_VM and CLONE_VFORK): no page tables are
// copied, and the error of a step that failed needs no pipe, it is simply written down. In return the
// child may do nothing but make system calls, and everything it needs is prepared beforehand.
#pragma once

#include <coir/detail/sys.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {

struct FdMove {
    int target;
    int source;
};

/// Null-terminated arrays of C strings for execve().
class StringArray {
public:
    void assign(std::vector<std::string> strings);
    char** data() noexcept { return pointers_.data(); }

private:
    std::vector<std::string> strings_;
    std::vector<char*> pointers_;
};

enum class SpawnStep : std::uint8_t {
    clone, session, group, death_signal, directory, descriptors, identity, exec
};

struct SpawnPlan {
    Sys* sys = nullptr;
    StringArray arguments;
    StringArray environment;
    StringArray candidates;  ///< paths that are tried in turn
    std::string directory;   ///< empty: no change
    std::vector<FdMove> moves;  ///< by rising target
    std::vector<int> kept;      ///< every descriptor of the child, rising
    bool new_session = false;
    std::optional<pid_t> process_group;
    bool restore_signals = true;
    std::uint64_t mask_before = 0;  ///< of the calling thread; the child's unless signals are restored
    bool kill_on_parent_death = false;
    bool use_pidfd = true;
    std::optional<mode_t> umask;
    std::optional<uid_t> user;
    std::optional<gid_t> group;
    std::optional<std::vector<gid_t>> extra_groups;

    // What came of it.
    int error = 0;  ///< an errno
    SpawnStep step = SpawnStep::clone;
    pid_t pid = -1;
    int pidfd = -1;  ///< -1: this kernel has none
};

/// Carries the plan out and returns when the program runs, or with an error and no child. Any
/// thread; it stands still meanwhile.
void spawn(SpawnPlan& plan) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace coir
