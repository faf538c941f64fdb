// SPDX-License-Identifier: BSL-1.0
// A file of results of coir bench: it is refused in one line, or what was read can be written and read again.
#include "fuzz.hpp"

#include "bench/result_file.hpp"
#include "bench/text_report.hpp"
#include "command.hpp"

namespace {

// Throws UsageError.
std::string read_and_write(std::string_view bytes) {
    return coir_tool::format_bench_json(coir_tool::read_bench_file(coir_fuzz::memory_file(bytes)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string written;
    try {
        written = read_and_write({reinterpret_cast<const char*>(data), size});
    } catch (const coir_tool::UsageError& error) {
        coir_fuzz::require(coir_fuzz::is_one_line(error.what()), std::string("one line: ") + error.what());
        return 0;
    }
    try {
        coir_fuzz::require(read_and_write(written) == written, "what was read again is the same");
    } catch (const coir_tool::UsageError& error) {
        coir_fuzz::require(false, std::string("what is written can be read: ") + error.what());
    }
    return 0;
}
