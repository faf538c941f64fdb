// SPDX-License-Identifier: BSL-1.0
#include "bench/html/html_table.hpp"

#include "bench/html/markup.hpp"

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

std::string HtmlTable::format() const {
    const std::vector<bool> filled = filled_columns();
    const std::string label = "role=\"region\" tabindex=\"0\" aria-label=\"" + escaped(caption_) + "\"";
    constexpr auto fit_half_a_page = 7;
    const bool wide = std::count(filled.begin(), filled.end(), true) > fit_half_a_page;
    std::string text = std::string("<div class=\"scroll") + (wide ? " wide" : "") + "\" " + label +
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
