// SPDX-License-Identifier: BSL-1.0
// The standard streams: whole results to stdout, with every error noticed; notes to stderr.
#pragma once

#include <string_view>

namespace coir_tool {

/// Makes sure that the numbers 0, 1 and 2 are taken, so that nothing that is opened later gets
/// results written into it. What stands in for a closed stream refuses to be written to and closes
/// at exec.
void secure_standard_streams();

/// Writes all of it; CommandError when stdout is closed or full.
void write_stdout(std::string_view text);
/// "coir: note" on stderr; errors there cannot be reported to anybody.
void note(std::string_view text);

/// Whether stdout gets colours: a terminal, and neither NO_COLOR nor TERM=dumb.
bool stdout_has_colour();
/// Whether stderr is a terminal that can rewrite a line.
bool stderr_is_terminal();
/// Whether the locale's character set is UTF-8.
bool locale_is_utf8();

}  // namespace coir_tool
