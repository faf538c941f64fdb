// SPDX-License-Identifier: BSL-1.0
#include "bench/html/line_chart.hpp"

#include "bench/html/markup.hpp"
#include "table.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace coir_tool {
namespace {

// In pixels, as in the style sheet.
constexpr double plot_height = 260;
constexpr double padding_above = 10;
constexpr double padding_below = 44;  // ticks and title of the x axis
constexpr std::size_t longest_y_label = 7;

// All about as large as a circle of radius 4.
constexpr std::array<const char*, marker_count> marker_shapes = {
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "M-3.6-3.6h7.2v7.2h-7.2Z",
    "M0-4.8L4.6 3.6h-9.2Z",
    "M0-5.2L5.2 0L0 5.2L-5.2 0Z",
    "M0 4.8L4.6-3.6h-9.2Z",
    "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
    "M0-5.2L1.5-1.6L5.2-1.4L2.4 1L3.2 4.6L0 2.6L-3.2 4.6L-2.4 1L-5.2-1.4L-1.5-1.6Z",
    "M-4.6-1.5L0-4.8L4.6-1.5L2.8 4h-5.6Z",
};

std::string classes_of(const Look& look) {
    return "c" + std::to_string(look.colour) + " k" + std::to_string(static_cast<int>(look.kind));
}

// "1e+12" where the usual form does not fit beside the plot.
std::string label_of(const AxisTick& tick) {
    if (width_of(tick.label) <= longest_y_label) return tick.label;
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.0e", tick.at);
    return digits;
}

class LineDrawing {
public:
    explicit LineDrawing(const LineChart& chart) : chart_(chart) {}

    std::string draw() const {
        const std::string& id = chart_.id;
        // What is beside the plot lies in the padding, which only a style sheet can give in pixels.
        std::string text = "<svg class=\"chart lines\" role=\"img\" aria-labelledby=\"" + id +
                           "t\" aria-describedby=\"" + id + "d\" height=\"" +
                           coordinate(padding_above + plot_height + padding_below) + "\">" +
                           element("title", "id=\"" + id + "t\"", chart_.title) +
                           element("desc", "id=\"" + id + "d\"", chart_.description);
        text += draw_y_axis() + draw_x_axis() + draw_curves() + draw_markers();
        return text + "</svg>";
    }

private:
    double y_of(double value) const { return plot_height * (1 - chart_.y.share(value)); }
    std::string percent_x(double value) const { return percent_of(chart_.x.share(value)); }

    std::string draw_y_axis() const {
        std::string text;
        for (const AxisTick& tick : chart_.y_ticks) {
            const double y = y_of(tick.at);
            text += "<line class=\"g\" x2=\"100%\" y1=\"" + coordinate(y) + "\" y2=\"" +
                    coordinate(y) + "\"/>";
            text += element("text", "class=\"ty\" x=\"-8\" y=\"" + coordinate(y + 4) + "\"",
                            label_of(tick));
        }
        return text;
    }

    std::string draw_x_axis() const {
        std::string text;
        for (const AxisTick& tick : chart_.x_ticks) {
            const std::string x = percent_x(tick.at);
            text += "<line class=\"g\" x1=\"" + x + "\" x2=\"" + x + "\" y2=\"" +
                    coordinate(plot_height + 4) + "\"/>";
            if (tick.label.empty()) continue;
            text += element("text", "class=\"tx\" x=\"" + x + "\" y=\"" +
                                        coordinate(plot_height + 18) + "\"", tick.label);
        }
        return text + element("text", "class=\"tt\" x=\"50%\" y=\"" + coordinate(plot_height + 38) +
                                          "\"", chart_.x_title);
    }

    std::string draw_curves() const {
        std::string text = "<svg class=\"o\" width=\"100%\" height=\"" + coordinate(plot_height) +
                           "\" viewBox=\"0 0 1000 " + coordinate(plot_height) +
                           "\" preserveAspectRatio=\"none\">";
        for (const Line& line : chart_.lines) {
            std::string whiskers;
            for (const LinePoint& point : line.markers) {
                if (!(point.low < point.high)) continue;
                whiskers += "M" + across(point.x) + " " + coordinate(y_of(point.low)) + "V" +
                            coordinate(y_of(point.high));
            }
            text += "<path class=\"l " + classes_of(line.look) + "\" d=\"" + path_of(line) + "\"/>";
            if (!whiskers.empty()) {
                text += "<path class=\"lw " + classes_of(line.look) + "\" d=\"" + whiskers + "\"/>";
            }
        }
        return text + "</svg>";
    }

    std::string path_of(const Line& line) const {
        std::string path = "M";
        for (std::size_t i = 0; i < line.points.size(); ++i) {
            const std::string y = coordinate(y_of(line.points[i].y));
            const auto has_same_height = [&](std::size_t other) {
                return coordinate(y_of(line.points[other].y)) == y;
            };
            // Inside a level part.
            if (i > 0 && i + 1 < line.points.size() && has_same_height(i - 1) && has_same_height(i + 1)) {
                continue;
            }
            path += (i == 0 ? "" : " ") + across(line.points[i].x) + " " + y;
        }
        return path;
    }

    std::string draw_markers() const {
        std::string text;
        for (const Line& line : chart_.lines) {
            text += "<g class=\"m " + classes_of(line.look) + "\">";
            for (const LinePoint& point : line.markers) {
                text += "<use href=\"#m" + std::to_string(line.look.marker) + "\" x=\"" +
                        percent_x(point.x) + "\" y=\"" + coordinate(y_of(point.y)) + "\"/>";
            }
            text += "</g>";
        }
        return text;
    }

    // In the stretched part of the picture, which is 1000 wide.
    std::string across(double value) const {
        return coordinate(std::round(1000 * chart_.x.share(value)));
    }

    const LineChart& chart_;
};

}  // namespace

std::string draw_lines(const LineChart& chart) { return LineDrawing(chart).draw(); }

std::string draw_key(const std::vector<Line>& lines) {
    std::string text = "<ul class=\"key\">";
    for (const Line& line : lines) {
        text += "<li class=\"" + classes_of(line.look) +
                "\"><svg aria-hidden=\"true\"><path d=\"M0 7H36\"/><use href=\"#m" +
                std::to_string(line.look.marker) + "\" x=\"18\" y=\"7\"/></svg>" +
                escaped(line.label) + "</li>";
    }
    return text + "</ul>";
}

std::string draw_marker_shapes() {
    std::string text = "<svg class=\"shapes\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>";
    for (std::size_t i = 0; i < marker_shapes.size(); ++i) {
        text += "<path id=\"m" + std::to_string(i) + "\" d=\"" + marker_shapes[i] + "\"/>";
    }
    return text + "</defs></svg>";
}

}  // namespace coir_tool
