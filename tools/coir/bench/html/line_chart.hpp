// SPDX-License-Identifier: BSL-1.0
// Lines over a scale, as SVG that is as wide as its place; and the key to them.
#pragma once

#include "bench/html/report_view.hpp"
#include "bench/html/scale.hpp"

#include <string>
#include <vector>

namespace coir_tool {

struct LinePoint {
    double x = 0;
    double y = 0;
    double low = 0;  ///< of the whisker; none when it equals `high`
    double high = 0;
};

struct Line {
    std::string label;
    Look look;
    std::vector<LinePoint> points;   ///< of the line, by rising x
    std::vector<LinePoint> markers;  ///< where its marker stands
};

struct AxisTick {
    double at = 0;
    std::string label;
};

struct LineChart {
    std::string id;  ///< unique in the page
    std::string title;
    std::string description;
    std::string x_title;
    Scale x;
    Scale y;
    std::vector<AxisTick> x_ticks;
    std::vector<AxisTick> y_ticks;
    std::vector<Line> lines;
};

std::string draw_lines(const LineChart& chart);
/// The name of each line beside a piece of it.
std::string draw_key(const std::vector<Line>& lines);
/// The shapes that the charts use; once in a page.
std::string draw_marker_shapes();

}  // namespace coir_tool
