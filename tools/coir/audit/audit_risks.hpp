// SPDX-License-Identifier: BSL-1.0
// What goes past libcoir-legacy although every function that is called is replaced.
#pragma once

#include "audit.hpp"

namespace coir_tool {

/// The names of all risks.
const std::vector<std::string>& risk_names();

/// libcoir-legacy is linked into it.
bool contains_legacy(const ElfFile& elf);

/// Appends to audit.risks, and sets audit.every_call.
void find_risks(const FileBytes& file, const ElfFile& elf, Audit& audit);

}  // namespace coir_tool
