// SPDX-License-Identifier: BSL-1.0
// A process for each row, which reports cell by cell: what crashes or hangs costs that cell alone.
#include "row.hpp"

#include <coir/log.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_matrix {
namespace {

using namespace std::chrono_literals;
constexpr auto cell_limit = 6s;

bool applies(const RowInfo& row, std::size_t cell) {
    const Expected& expected = row.expected.cells[cell];
    return expected.applies && !expected.text.empty();
}

// "cell text\n" for each one, as it is done.
[[noreturn]] void measure_all(const RowInfo& row, const std::string& reactor, std::size_t from, int out) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setenv("COIR_DEBUG", "reactor", 1);  // the contract checker
    coir::set_log_handler([](coir::LogLevel, std::string_view) {});
    for (std::size_t cell = from; cell < situation_count; ++cell) {
        if (!applies(row, cell)) continue;
        std::string text;
        try {
            text = measure(row, static_cast<Situation>(cell), reactor);
        } catch (const std::exception& error) {
            text = std::string("failed: ") + error.what();
        }
        for (char& c : text) c = c == '\n' ? ' ' : c;
        const std::string line = std::to_string(cell) + " " + text + "\n";
        if (::write(out, line.data(), line.size()) < 0) std::_Exit(1);
    }
    std::_Exit(0);
}

class Child {
public:
    Child(const RowInfo& row, const std::string& reactor, std::size_t from) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "pipe2");
        pid_ = ::fork();
        if (pid_ == 0) measure_all(row, reactor, from, ends[1]);
        ::close(ends[1]);
        out_ = ends[0];
        if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (out_ >= 0) ::close(out_);
        if (pid_ > 0) end();
    }
    /// The next line; empty when there is none any more.
    std::string line() {
        const auto limit = std::chrono::steady_clock::now() + cell_limit;
        for (;;) {
            if (const auto at = read_.find('\n'); at != read_.npos) {
                std::string first = read_.substr(0, at);
                read_.erase(0, at + 1);
                return first;
            }
            pollfd entry{out_, POLLIN, 0};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                limit - std::chrono::steady_clock::now());
            if (left <= 0ms || ::poll(&entry, 1, static_cast<int>(left.count())) == 0) {
                hangs_ = true;
                return {};
            }
            char space[512];
            const ssize_t got = ::read(out_, space, sizeof space);
            if (got <= 0) return {};
            read_.append(space, static_cast<std::size_t>(got));
        }
    }
    /// How it ended, in words; empty when it was as it should be.
    std::string end() {
        if (hangs_) ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        if (hangs_) return "it hangs";
        if (WIFSIGNALED(status)) return std::string("crashed: ") + ::strsignal(WTERMSIG(status));
        return WEXITSTATUS(status) == 0 ? "" : "the process exited";
    }

private:
    pid_t pid_ = 0;
    int out_ = -1;
    bool hangs_ = false;
    std::string read_;
};

const Difference* difference_of(const std::string& row, Situation situation) {
    for (const Difference& one : differences()) {
        if (one.row == row && one.situation == situation) return &one;
    }
    return nullptr;
}

void judge(Cell& cell) {
    cell.passed = cell.got == cell.expected.text;
    if (cell.passed) return;
    const Difference* known = difference_of(cell.row, cell.situation);
    cell.differs = cell.passed = known && cell.got == known->also;
}

void run_row(const RowInfo& row, const Request& request, std::vector<Cell>& cells) {
    std::array<std::string, situation_count> got;
    std::size_t next = 0;
    while (next < situation_count) {
        Child child(row, request.reactor, next);
        for (std::string line; !(line = child.line()).empty();) {
            const auto cell = static_cast<std::size_t>(std::strtoul(line.c_str(), nullptr, 10));
            if (cell >= situation_count) break;
            got[cell] = line.substr(line.find(' ') + 1);
            next = cell + 1;
        }
        const std::string end = child.end();
        while (next < situation_count && !applies(row, next)) ++next;
        if (next == situation_count) break;
        got[next++] = end.empty() ? "no answer" : end;
    }
    for (std::size_t i = 0; i < situation_count; ++i) {
        Cell cell{row.expected.row, static_cast<Situation>(i), row.expected.cells[i], got[i]};
        if (applies(row, i)) judge(cell);
        if (request.progress) request.progress(cell);
        cells.push_back(std::move(cell));
    }
}

}  // namespace

std::vector<Expectations> expectations() {
    std::vector<Expectations> all;
    for (const RowInfo& row : all_rows()) all.push_back(row.expected);
    return all;
}

std::vector<Cell> run(const Request& request) {
    std::vector<Cell> cells;
    bool found = false;
    for (const RowInfo& row : all_rows()) {
        if (!request.row.empty() && request.row != row.expected.row) continue;
        found = true;
        run_row(row, request, cells);
    }
    if (!found) throw std::invalid_argument("there is no operation '" + request.row + "'");
    return cells;
}

const std::vector<Difference>& differences() {
    static const std::vector<Difference> known = {};
    return known;
}

}  // namespace coir_matrix
