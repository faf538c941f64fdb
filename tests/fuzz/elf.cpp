// SPDX-License-Identifier: BSL-1.0
// A program or library for coir audit: it is audited, or refused in one line.
#include "fuzz.hpp"

#include "audit/audit.hpp"
#include "audit/audit_report.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string& path = coir_fuzz::memory_file({reinterpret_cast<const char*>(data), size});
    try {
        coir_tool::format_audit(coir_tool::audit_file(path, {}), true);
        const coir_tool::FileBytes file(path);
        coir_tool::read_functions(file, coir_tool::read_elf(file));
    } catch (const coir_tool::BadFile& error) {
        coir_fuzz::require(coir_fuzz::is_one_line(error.what()), std::string("one line: ") + error.what());
    }
    return 0;
}
