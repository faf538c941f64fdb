// SPDX-License-Identifier: BSL-1.0
// The file of a recorded choice: what is read out of it is a name, or a line says why not.
#include "fuzz.hpp"

#include <coir/detail/pick_file.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    ::setenv("COIR_CONFIG", coir_fuzz::memory_file(bytes).c_str(), 1);
    std::string note;
    const auto picked = coir::detail::read_pick_file(&note);
    using coir_fuzz::require;
    require(note.empty() || coir_fuzz::is_one_line(note), "a note is one line");
    if (!picked) {
        // Comments alone say nothing; whatever else is there must be told about.
        require(!note.empty() || bytes.find("reactor") == std::string_view::npos ||
                    bytes.find('#') != std::string_view::npos || bytes.find('=') == std::string_view::npos,
                "what is passed over is told");
        return 0;
    }
    const std::string& name = picked->reactor;
    require(!name.empty() && name.find_first_of("#\n") == std::string::npos, "a reactor has a name");
    require(bytes.find(name) != std::string_view::npos, "the name comes from the file");
    require(name.front() != ' ' && name.back() != ' ' && name.back() != '\t', "nothing is around the name");
    return 0;
}
