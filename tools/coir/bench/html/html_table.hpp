// SPDX-License-Identifier: BSL-1.0
// A table with a caption and heads, in a box of its own that scrolls when the page is narrow.
#pragma once

#include <string>
#include <vector>

namespace coir_tool {

struct HtmlCell {
    std::string text;
    const char* style = "";  ///< a class in the style sheet
};

class HtmlTable {
public:
    /// The first column holds the heads of the rows.
    HtmlTable(std::string caption, std::vector<std::string> columns)
        : caption_(std::move(caption)), columns_(std::move(columns)) {}
    /// What follows belongs together under this line.
    void add_group(std::string heading);
    /// Missing cells at the end are empty.
    void add_row(HtmlCell head, std::vector<HtmlCell> cells);
    /// A column that is empty throughout is left out.
    std::string format() const;

private:
    struct Row {
        bool group = false;
        HtmlCell head;
        std::vector<HtmlCell> cells;
    };
    std::vector<bool> filled_columns() const;
    bool is_wide(const std::vector<bool>& filled) const;
    std::string caption_;
    std::vector<std::string> columns_;
    std::vector<Row> rows_;
};

}  // namespace coir_tool
