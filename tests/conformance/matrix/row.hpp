// SPDX-License-Identifier: BSL-1.0
// One operation with all that it needs: made anew for each cell, used in a task of the loop under
// test. What a row does not override has no cell in the matrix.
#pragma once

#include "matrix.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coir_matrix {

class Row {
public:
    Row() = default;
    Row(const Row&) = delete;
    Row& operator=(const Row&) = delete;
    virtual ~Row() = default;

    virtual void open() = 0;
    /// Carries the operation out and says what it gave. May throw what coir throws.
    virtual std::string act() = 0;
    /// Brings the object into a state in which act() waits, where it would not by itself.
    virtual void fill() {}
    /// The same, when it will not be satisfied before it ends otherwise.
    virtual void fill_for_ever() { fill(); }
    /// Lets one act() go on; must not suspend.
    virtual void satisfy() {}

    virtual void set_blocking(bool) {}
    virtual void close_by_us() {}
    /// Without a word to coir; afterwards nothing of the row may touch the descriptor.
    virtual void close_behind() {}
    virtual void forget() {}
    virtual std::string act_short() { return {}; }
    virtual std::string act_zero() { return {}; }
    virtual std::string act_after_end() { return {}; }
    virtual std::string act_after_reset() { return {}; }
    virtual std::string act_on_bad() { return {}; }
    /// How long act() takes when it is left alone; 0: until satisfy().
    virtual std::chrono::nanoseconds takes() const { return {}; }
    /// Whether a thousand tasks can act on the one object, each satisfied by itself.
    virtual bool is_shared() const { return false; }
};

struct RowInfo {
    Expectations expected;
    std::unique_ptr<Row> (*make)();
};

/// Builds what is expected of a row: first the usual answers, then what differs.
class Expect {
public:
    Expect(const char* row, std::string normal);
    Expect& set(Situation situation, std::string text);
    Expect& except(Situation situation, std::string reason);
    Expect& except(std::initializer_list<Situation> situations, const std::string& reason);
    const Expectations& done() const { return all_; }

private:
    Expectations all_;
};

/// "4 bytes".
std::string bytes(std::int64_t count);
/// "ECONNRESET".
std::string error_name(int error);
/// For the calls of coir.h: the number of bytes, or errno; where the task was cancelled, that throws.
std::string c_result(std::int64_t result);
/// A number that is no descriptor.
int bad_descriptor();

/// For RowInfo.
template <class T>
std::unique_ptr<Row> make_row() {
    return std::make_unique<T>();
}

std::vector<RowInfo> socket_rows();
std::vector<RowInfo> descriptor_rows();
std::vector<RowInfo> other_rows();
std::vector<RowInfo> all_rows();

/// What the cell gives, in a loop of its own.
std::string measure(const RowInfo& row, Situation situation, const std::string& reactor);

}  // namespace coir_matrix
