// SPDX-License-Identifier: BSL-1.0
// What the fuzz targets have in common. Each is a file that defines LLVMFuzzerTestOneInput(), for libFuzzer
// and for run_corpus.cpp, which runs what is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace coir_fuzz {

/// Ends the program with `what` unless it holds: a finding.
void require(bool holds, std::string_view what);

/// The path of a file in memory with these bytes, until the next call.
const std::string& memory_file(std::string_view bytes);

/// From now on nothing that is printed on standard output is seen.
void silence_stdout();

/// Numbers out of an input, 0 behind its end; what is left of it is the payload.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : bytes_(reinterpret_cast<const char*>(data), size) {}
    unsigned byte() {
        if (bytes_.empty()) return 0;
        const auto first = static_cast<unsigned char>(bytes_.front());
        bytes_.remove_prefix(1);
        return first;
    }
    unsigned word() {
        const unsigned low = byte();
        return low | byte() << 8;
    }
    std::string_view rest() const { return bytes_; }

private:
    std::string_view bytes_;
};

/// An exception's message as one line that a terminal can show.
bool is_one_line(std::string_view text);

}  // namespace coir_fuzz
