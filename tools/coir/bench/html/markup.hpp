// SPDX-License-Identifier: BSL-1.0
// Text and numbers inside HTML and SVG.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coir_tool {

/// For an element, or an attribute in double quotes. Bytes that are no UTF-8, and characters that
/// neither HTML nor XML allows, become U+FFFD.
std::string escaped(std::string_view text);
/// At most `most` characters: of what is longer, the end is an ellipsis.
std::string shortened(const std::string& text, std::size_t most);
/// Of a figure in a table or beside a bar, in characters.
constexpr std::size_t longest_figure = 14;
/// A coordinate, to a tenth: "12", "0.5".
std::string coordinate(double number);
/// A share of the width: "43.2%".
std::string percent_of(double share);

/// "<tag attributes>text</tag>"; the text is escaped, the attributes are not.
std::string element(std::string_view tag, std::string_view attributes, std::string_view text);
/// The same around markup.
std::string enclosed(std::string_view tag, std::string_view attributes, std::string_view markup);

}  // namespace coir_tool
