// SPDX-License-Identifier: BSL-1.0
#include "bench/html/html_table.hpp"

#include "bench/html/markup.hpp"
#include "table.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

std::string format_cell(const HtmlCell& cell) {
    const std::string style = cell.style;
    return element("td", style.empty() ? "" : "class=\"" + style + "\"", cell.text);
}

}  // namespace

void HtmlTable::add_group(std::string heading) { rows_.push_back({true, {std::move(heading)}, {}}); }

void HtmlTable::add_row(HtmlCell head, std::vector<HtmlCell> cells) {
    cells.resize(columns_.size() - 1);
    rows_.push_back({false, std::move(head), std::move(cells)});
}

std::vector<bool> HtmlTable::filled_columns() const {
    std::vector<bool> filled(columns_.size());
    filled[0] = true;
    for (const Row& row : rows_) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (!row.cells[i].text.empty()) filled[i + 1] = true;
        }
    }
    return filled;
}

// Whether it may need more than half a page of the usual width. Browsers know how wide letters are; this
// is for figures and short names in a common font, rather too wide than too narrow.
bool HtmlTable::is_wide(const std::vector<bool>& filled) const {
    constexpr std::size_t half_a_page = 570;
    constexpr std::size_t letter = 8, gap = 10;
    std::size_t width = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t longest = width_of(columns_[i]);
        for (const Row& row : rows_) {
            if (row.group) continue;
            longest = std::max(longest, width_of((i == 0 ? row.head : row.cells[i - 1]).text));
        }
        if (filled[i]) width += longest * letter + gap;
    }
    return width > half_a_page;
}

std::string HtmlTable::format() const {
    const std::vector<bool> filled = filled_columns();
    const std::string label = "role=\"region\" tabindex=\"0\" aria-label=\"" + escaped(caption_) + "\"";
    std::string text = std::string("<div class=\"scroll") + (is_wide(filled) ? " wide" : "") + "\" " + label +
                       "><table>" +
                       enclosed("caption", "", element("span", "", caption_)) + "<thead><tr>";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (filled[i]) text += element("th", "scope=\"col\"", columns_[i]);
    }
    text += "</tr></thead><tbody>";
    bool any = false;
    for (const Row& row : rows_) {
        if (row.group) {
            if (any) text += "</tbody><tbody>";
            const auto count = std::count(filled.begin(), filled.end(), true);
            text += "<tr>" + element("th", "scope=\"rowgroup\" colspan=\"" + std::to_string(count) +
                                               "\"", row.head.text) + "</tr>\n";
        } else {
            text += "<tr>" + element("th", "scope=\"row\"", row.head.text);
            for (std::size_t i = 0; i < row.cells.size(); ++i) {
                if (filled[i + 1]) text += format_cell(row.cells[i]);
            }
            text += "</tr>\n";
        }
        any = true;
    }
    return text + "</tbody></table></div>\n";
}

}  // namespace coir_tool
