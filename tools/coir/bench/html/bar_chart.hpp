// SPDX-License-Identifier: BSL-1.0
// Horizontal bars with whiskers, as SVG that is as wide as its place: positions across are shares of
// the width, text keeps its size.
#pragma once

#include "bench/html/report_view.hpp"

#include <string>
#include <vector>

namespace coir_tool {

struct BarRow {
    std::string label;
    std::string run;    ///< follows the label, which is shortened where both are too long
    std::string value;  ///< as text, at the right
    Look look;
    bool contender = true;         ///< see is_contender()
    bool first_of_subject = true;  ///< its rows, of several runs, follow each other
    bool measured = false;         ///< otherwise there is no bar
    double median = 0;
    double low = 0;  ///< of the whisker; none when it equals `high`
    double high = 0;
    std::vector<double> rounds;  ///< a small mark for each
};

struct BarChart {
    std::string id;  ///< unique in the page
    std::string title;
    std::string description;
    std::vector<BarRow> rows;  ///< those of a kind follow each other, under a heading
};

std::string draw_bars(const BarChart& chart);

}  // namespace coir_tool
