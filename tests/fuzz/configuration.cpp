// SPDX-License-Identifier: BSL-1.0
// The file of a recorded choice: what is read out of it is a name, or a line says why not.
#include "fuzz.hpp"

#include <coir/detail/pick_file.hpp>

#include <cstdlib>

namespace {

// Whether there is more than comments and blanks.
bool says_anything(std::string_view bytes) {
    bool in_comment = false;
    for (const char c : bytes) {
        if (c == '\n') in_comment = false;
        else if (c == '#') in_comment = true;
        else if (!in_comment && c != ' ' && c != '\t' && c != '\r') return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    ::setenv("COIR_CONFIG", coir_fuzz::memory_file(bytes).c_str(), 1);
    std::string note;
    const auto picked = coir::detail::read_pick_file(&note);
    using coir_fuzz::require;
    require(note.empty() || coir_fuzz::is_one_line(note), "a note is one line");
    if (!picked) {
        require(note.empty() == !says_anything(bytes), "what is passed over is told, and nothing else");
        return 0;
    }
    const std::string& name = picked->reactor;
    require(!name.empty() && name.find_first_of("#\n") == std::string::npos, "a reactor has a name");
    require(bytes.find(name) != std::string_view::npos, "the name comes from the file");
    require(name.front() != ' ' && name.back() != ' ' && name.back() != '\t', "nothing is around the name");
    return 0;
}
