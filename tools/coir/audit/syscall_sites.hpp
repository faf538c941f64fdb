// SPDX-License-Identifier: BSL-1.0
// Instructions that enter the kernel without libc, where no replaced function can be met.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elf_file.hpp"

namespace coir_tool {

struct SyscallSites {
    std::size_t count = 0;
    std::vector<std::string> functions;  ///< that they are in, as far as the symbols tell; sorted
    std::size_t nameless = 0;            ///< those that are in no known function
};

/// A heuristic: code is not disassembled. On x86-64 the bytes 0F 05 count where what stands before
/// them loads the number of a call, or what stands after looks at its result; on aarch64 every
/// `svc #0` does.
SyscallSites find_syscalls(const FileBytes& file, const ElfFile& elf);

/// Positions in code, one after the other.
std::vector<std::size_t> find_syscalls_in(std::string_view code, unsigned machine);

}  // namespace coir_tool
