// SPDX-License-Identifier: BSL-1.0
// The text of a failing simulation: it is refused, or means the same when it is written and read again.
#include "fuzz.hpp"

#include <coir/testing.hpp>

#include <stdexcept>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coir::testing;
    std::string text;
    try {
        text = to_text(options_from_text({reinterpret_cast<const char*>(data), size}));
    } catch (const std::invalid_argument&) {
        return 0;
    }
    try {
        coir_fuzz::require(to_text(options_from_text(text)) == text, "what was read again is the same");
    } catch (const std::invalid_argument& error) {
        coir_fuzz::require(false, std::string("what is written can be read: ") + error.what());
    }
    return 0;
}
