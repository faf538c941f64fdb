// SPDX-License-Identifier: BSL-1.0
// The parts of the page that are the same in every report.
#pragma once

namespace coir_tool {

/// The style sheet: light and dark, wide and narrow, and for paper.
extern const char* const page_style;
/// "How to read this".
extern const char* const how_to_read;

}  // namespace coir_tool
