// SPDX-License-Identifier: BSL-1.0
// What of this machine decides which reactors work and how fast they are.
#pragma once

#include "support/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coir_tool {

struct Limit {
    std::string soft;  ///< a number or "unlimited"
    std::string hard;
};

struct Fact {
    std::string name;
    std::string value;
};

struct MachineFacts {
    std::string kernel;  ///< "Linux 6.18.1"
    std::string processor;
    unsigned processors = 0;  ///< that this process may use
    std::string fingerprint;  ///< as in the file of `coir pick --write`
    std::string compiler;     ///< that built the command
    Limit open_files;
    Limit locked_memory;                         ///< bytes
    std::optional<int> io_uring_disabled;        ///< the sysctl; nothing: the kernel has no such
    std::optional<std::uint64_t> max_map_count;  ///< vm.max_map_count
    /// What else decides how fast things are: "governor", "hypervisor", "container", ...; only what
    /// this machine tells.
    std::vector<Fact> details;
};

MachineFacts read_machine_facts();

/// Writes the fields of the facts into the object that is open.
void add_machine(coir_bench::Json& json, const MachineFacts& facts);

}  // namespace coir_tool
