// SPDX-License-Identifier: BSL-1.0
#include "bench/html/bar_chart.hpp"

#include "bench/html/markup.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

// In pixels.
constexpr double heading_height = 26;
constexpr double row_height = 40;
constexpr double subject_gap = 8;  // where a subject has several rows
constexpr double bar_height = 12;

// What is far beyond the contenders would leave nothing of their differences.
constexpr double most_beyond_contenders = 4;
constexpr std::size_t most_round_marks = 30;
constexpr std::size_t longest_label = 27;
constexpr std::size_t longest_value = 12;

double scale_end(const std::vector<BarRow>& rows) {
    double all = 0;
    double contenders = 0;
    for (const BarRow& row : rows) {
        if (!row.measured) continue;
        const double high = std::max(row.high, row.median);
        all = std::max(all, high);
        if (row.contender) contenders = std::max(contenders, high);
    }
    const double end = contenders > 0 ? std::min(all, contenders * most_beyond_contenders) : all;
    return end > 0 ? end * 1.01 : 1;
}

bool has_several_kinds(const std::vector<BarRow>& rows) {
    return std::any_of(rows.begin(), rows.end(), [&](const BarRow& row) {
        return row.look.kind != rows.front().look.kind;
    });
}

class BarDrawing {
public:
    explicit BarDrawing(const BarChart& chart)
        : chart_(chart), end_(scale_end(chart.rows)), has_kinds_(has_several_kinds(chart.rows)) {
        has_several_rows_ = std::any_of(chart.rows.begin(), chart.rows.end(),
                                        [](const BarRow& row) { return !row.first_of_subject; });
    }

    std::string draw() {
        for (std::size_t i = 0; i < chart_.rows.size(); ++i) {
            const BarRow& row = chart_.rows[i];
            const bool new_kind = i == 0 || chart_.rows[i - 1].look.kind != row.look.kind;
            if (new_kind && has_kinds_) add_heading(row.look.kind);
            if (!new_kind && row.first_of_subject && has_several_rows_) y_ += subject_gap;
            add_row(row);
        }
        return opening() + body_ + marks() + "</svg>";
    }

private:
    double share(double value) const { return std::clamp(value / end_, 0.0, 1.0); }

    void add_heading(Subject::Kind kind) {
        body_ += element("text", "class=\"h\" y=\"" + coordinate(y_ + 17) + "\"", heading_of(kind));
        y_ += heading_height;
    }

    void add_row(const BarRow& row) {
        const std::string y = "y=\"" + coordinate(y_ + 13) + "\"";
        const std::string shown = shortened(row.label, longest_label - width_of(row.run));
        const std::string hint = shown == row.label ? "" : element("title", "", row.label);
        body_ += enclosed("text", y, escaped(shown + row.run) + hint);
        body_ += element("text", "class=\"v\" x=\"100%\" " + y, shortened(row.value, longest_value));
        if (row.measured) add_bar(row);
        y_ += row_height;
    }

    void add_bar(const BarRow& row) {
        const double top = y_ + 19;
        const double width = std::max(share(row.median), 0.002);
        const auto kind = static_cast<int>(row.look.kind);
        body_ += "<rect class=\"c" + std::to_string(row.look.colour) + " k" + std::to_string(kind) +
                 "\" y=\"" + coordinate(top) + "\" width=\"" + percent_of(width) + "\" height=\"" +
                 coordinate(bar_height) + "\"/>";
        if (row.median > end_ * 1.0001) add_cut(top);
        else if (row.low < row.high) add_whisker(row, top + bar_height / 2);
        if (row.rounds.size() > 1 && row.rounds.size() <= most_round_marks) {
            for (const double round : row.rounds) {
                if (round > end_ * 1.0001) continue;
                rounds_ += "M" + across(round) + " " + coordinate(top + bar_height + 2) + "v4";
            }
        }
    }

    // Two strokes across the bar: it goes on.
    void add_cut(double top) {
        for (const char* x : {"92%", "93.5%"}) {
            body_ += std::string("<svg x=\"") + x + "\" y=\"" + coordinate(top - 2) +
                     "\" class=\"o\"><path class=\"cut\" d=\"M6 0L0 16\"/></svg>";
        }
    }

    void add_whisker(const BarRow& row, double middle) {
        const auto cap = [&](double value) {
            return "M" + across(value) + " " + coordinate(middle - 4) + "v8";
        };
        whiskers_ += "M" + across(row.low) + " " + coordinate(middle) + "H" + across(row.high);
        whiskers_ += cap(row.low) + cap(row.high);
    }

    // In the stretched part of the picture, which is 1000 wide.
    std::string across(double value) const { return coordinate(1000 * share(value)); }

    std::string marks() const {
        if (whiskers_.empty() && rounds_.empty()) return {};
        const std::string height = coordinate(y_);
        std::string text = "<svg class=\"o\" width=\"100%\" height=\"" + height +
                           "\" viewBox=\"0 0 1000 " + height + "\" preserveAspectRatio=\"none\">";
        if (!rounds_.empty()) text += "<path class=\"r\" d=\"" + rounds_ + "\"/>";
        if (!whiskers_.empty()) {
            // Twice: on a broader one in the colour of the card, they are seen on bars, too.
            const std::string id = chart_.id + "w";
            text += "<defs><path id=\"" + id + "\" class=\"w\" d=\"" + whiskers_ + "\"/></defs>";
            for (const char* layer : {"wh", "wi"}) {
                text += std::string("<use class=\"") + layer + "\" href=\"#" + id + "\"/>";
            }
        }
        return text + "</svg>";
    }

    std::string opening() const {
        const std::string& id = chart_.id;
        return "<svg class=\"chart\" role=\"img\" aria-labelledby=\"" + id + "t\" aria-describedby=\"" +
               id + "d\" height=\"" + coordinate(y_) + "\">" +
               element("title", "id=\"" + id + "t\"", chart_.title) +
               element("desc", "id=\"" + id + "d\"", chart_.description);
    }

    const BarChart& chart_;
    const double end_;
    const bool has_kinds_;
    bool has_several_rows_ = false;
    double y_ = 0;
    std::string body_;
    std::string whiskers_;
    std::string rounds_;
};

}  // namespace

std::string draw_bars(const BarChart& chart) { return BarDrawing(chart).draw(); }

}  // namespace coir_tool
