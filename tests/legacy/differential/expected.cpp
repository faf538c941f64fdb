// SPDX-License-Identifier: BSL-1.0
// See expected.hpp. An entry is a line with a probe's name and indented lines with the reason.
#include "expected.hpp"

#include <fstream>
#include <stdexcept>

namespace differential {

std::map<std::string, std::string> read_expected(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + " cannot be read");
    std::map<std::string, std::string> entries;
    std::string line;
    std::string* reason = nullptr;
    while (std::getline(file, line)) {
        const std::size_t text = line.find_first_not_of(' ');
        if (text == std::string::npos || line[text] == '#') continue;
        if (text == 0) {
            reason = &entries[line];
        } else if (!reason) {
            throw std::runtime_error(path + ": a reason without a probe: " + line);
        } else {
            *reason += (reason->empty() ? "" : " ") + line.substr(text);
        }
    }
    for (const auto& [name, why] : entries) {
        if (why.empty()) throw std::runtime_error(path + ": no reason is given for " + name);
    }
    if (entries.size() > most_expected) {
        throw std::runtime_error(path + ": more than " + std::to_string(most_expected) +
                                 " expected differences");
    }
    return entries;
}

}  // namespace differential
