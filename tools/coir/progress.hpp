// SPDX-License-Identifier: BSL-1.0
// One line on stderr that shows how far a measurement is; nothing unless stderr is a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace coir_tool {

class Progress {
public:
    Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Clears the line.
    ~Progress();

    /// Shows `what` and the part that is done, 0 to 1; rewritten ten times a second at most.
    void show(double done, const std::string& what);
    /// Clears the line, for something else to be written.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    const bool on_;
    const bool utf8_;
    const Clock::time_point started_;
    Clock::time_point shown_{};
    bool visible_ = false;
};

}  // namespace coir_tool
