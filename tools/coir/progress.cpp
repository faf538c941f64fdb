// SPDX-License-Identifier: BSL-1.0
#include "progress.hpp"

#include "output.hpp"
#include "table.hpp"

#include <algorithm>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace coir_tool {
namespace {

std::size_t terminal_width() {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col;
}

}  // namespace

Progress::Progress() : on_(stderr_is_terminal()), utf8_(locale_is_utf8()), started_(Clock::now()) {}

Progress::~Progress() { clear(); }

void Progress::show(double done, const std::string& what) {
    if (!on_) return;
    const Clock::time_point now = Clock::now();
    if (visible_ && now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    visible_ = true;
    constexpr std::size_t width = 24;
    std::string drawn = bar(done, width, utf8_);
    drawn.append(width - std::min(width, width_of(drawn)), utf8_ ? ' ' : '.');
    std::string line = "[" + drawn + "] " + what;
    const double spent = std::chrono::duration<double>(now - started_).count();
    if (done > 0.05) line += ", " + format_fixed(spent / done - spent, 0) + " s left";
    // A line that wraps could not be rewritten.
    while (width_of(line) >= terminal_width()) line.pop_back();
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    std::fflush(stderr);
}

void Progress::clear() {
    if (!visible_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    visible_ = false;
}

}  // namespace coir_tool
