// SPDX-License-Identifier: BSL-1.0
// The conformance matrix: what every operation gives in every situation, written once, and measured on
// a reactor. It uses coir as programs do, by name of the reactor, so it is for any that is registered.
//
// Each operation (row) runs in a process of its own, which a crash or hang ends; nothing may run in
// other threads of the calling process meanwhile.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coir_matrix {

enum class Situation : unsigned char {
    at_once,
    later,
    short_transfer,
    zero_length,
    peer_ends,
    peer_resets,
    cancelled_before,
    cancelled_in_flight,
    cancelled_in_batch,
    cancelled_after,
    deadline,
    closed_by_us,
    closed_behind,
    bad_descriptor,
    signals,
    loop_closed,
    thousand_tasks,
    blocking,
    non_blocking,
    count_
};
inline constexpr std::size_t situation_count = static_cast<std::size_t>(Situation::count_);

/// "cancelled in flight".
const char* to_string(Situation situation) noexcept;
/// One sentence: what happens in it.
const char* describe(Situation situation) noexcept;

/// What a cell must give: one of these texts, or a reason why there is no such cell.
struct Expected {
    std::string text;
    bool applies = true;  ///< else `text` is the reason
};

struct Expectations {
    std::string row;
    std::array<Expected, situation_count> cells;
};

/// Where kernels force a difference between reactors. At most five.
struct Difference {
    std::string row;
    Situation situation;
    std::string also;    ///< what is right as well
    std::string reason;
};

struct Cell {
    std::string row;
    Situation situation = Situation::at_once;
    Expected expected;
    std::string got;  ///< empty where it does not apply
    bool passed = true;
    bool differs = false;  ///< passed as one of the differences
};

struct Request {
    std::string reactor;
    std::string row;  ///< empty: all
    /// Called as each cell is done; may be empty.
    std::function<void(const Cell&)> progress = {};
};

/// What is expected of all rows, in order.
std::vector<Expectations> expectations();
const std::vector<Difference>& differences();

/// Measures. Throws std::invalid_argument for a row that there is not, std::system_error when it
/// cannot make a process.
std::vector<Cell> run(const Request& request);

/// A row per operation and a column per situation, of "ok", "-" and "WRONG"; then what was wrong.
std::string format_table(const std::vector<Cell>& cells, std::string_view reactor);
/// Schema coir.conformance/1.
std::string format_json(const std::vector<Cell>& cells, std::string_view reactor);
/// The chapter of docs/reliability.md: what is expected, in Markdown.
std::string format_expectations();

}  // namespace coir_matrix
