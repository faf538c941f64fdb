// SPDX-License-Identifier: BSL-1.0
// Process::communicate(): feeding, reading and waiting at once.
#include "process_state.hpp"

#include <coir/error.hpp>
#include <coir/gather.hpp>
#include <coir/sync.hpp>

#include <cerrno>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t read_chunk = 64 * 1024;

bool reader_is_gone(const IoError& error) noexcept {
    const int number = error.code().value();
    return number == EPIPE || number == ECONNRESET;
}

}  // namespace

// A child need not read all of its input, or any.
void ProcessState::feed(std::string_view input) {
    if (!pipes[0] || !pipes[0]->is_open()) return;
    try {
        if (!input.empty()) pipes[0]->write(input);
    } catch (const IoError& error) {
        if (!reader_is_gone(error) && pipes[0]->is_open()) throw;
    }
    pipes[0]->abort();  // everything is in the pipe: closing it is all
}

void ProcessState::collect(int number, std::string& into, const bool& given_up) {
    if (!pipes[number] || !pipes[number]->is_open()) return;
    try {
        while (true) {
            const std::string piece = pipes[number]->read(read_chunk);
            if (piece.empty()) return;
            into += piece;
        }
    } catch (const IoError&) {
        if (!given_up) throw;
    }
}

ProcessOutput ProcessState::communicate(std::string_view input, const CommunicateOptions& options) {
    require_own_task("Process::communicate").check_cancelled();
    const auto keep = LoopPtr<ProcessState>::share(this);
    ProcessOutput output;
    bool given_up = false;
    int open = 3;
    Event all_closed;
    const auto closed = [&] {
        if (--open == 0) all_closed.set();
    };
    const auto end = [&] {
        output.status = wait();
        if (!options.linger) return;
        if (in_time(*options.linger, [&] { all_closed.wait(); })) return;
        given_up = true;  // somebody else has them, and may keep them for ever
        for (std::optional<ProcessStream>& pipe : pipes) {
            if (pipe) pipe->abort();
        }
    };
    gather([&] { feed(input), closed(); },
           [&] { collect(1, output.stdout_, given_up), closed(); },
           [&] { collect(2, output.stderr_, given_up), closed(); }, end);
    return output;
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
