// SPDX-License-Identifier: BSL-1.0
// The words of a command line of coir, one a line: it is understood, or refused in one line.
#include "fuzz.hpp"

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "command.hpp"

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    coir_fuzz::silence_stdout();
    std::vector<std::string> words;
    std::string word;
    for (std::size_t i = 0; i < size && words.size() < 64; ++i) {
        if (data[i] != '\n') {
            word += static_cast<char>(data[i]);
            continue;
        }
        words.push_back(std::move(word));
        word.clear();
    }
    if (!word.empty()) words.push_back(std::move(word));
    try {
        coir_tool::Options options;
        const coir_tool::CommandInfo root = coir_tool::make_commands(options);
        coir_tool::parse_command_line(root, words);
    } catch (const coir_tool::CommandError& error) {
        coir_fuzz::require(coir_fuzz::is_one_line(error.what()), std::string("one line: ") + error.what());
        coir_fuzz::require(error.status() == coir_tool::exit_usage, "its status is that of wrong usage");
    }
    return 0;
}
