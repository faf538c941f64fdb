// SPDX-License-Identifier: BSL-1.0
// See trace.hpp. A line: the virtual time since the world began, who, and what.
//
//     0.001200000  Task-3        recvfrom(5) = 64
#include "trace.hpp"

#include "call_names.hpp"
#include "world.hpp"

#include <coir/address.hpp>
#include <coir/task.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// Of a call that makes something there is no descriptor before.
std::string arguments_of(long number, long a, long b, long c, long result) {
    switch (number) {
        case SYS_socket:
        case SYS_eventfd2:
        case SYS_openat:
            return {};
        case SYS_socketpair:
        case SYS_pipe2: {
            if (result < 0) return {};
            const int* ends = reinterpret_cast<const int*>(number == SYS_pipe2 ? a : c);
            static_cast<void>(b);
            return std::to_string(ends[0]) + ", " + std::to_string(ends[1]);
        }
        case SYS_ppoll:
            return b > 0 ? std::to_string(reinterpret_cast<const pollfd*>(a)->fd) : std::string();
        case SYS_bind:
        case SYS_connect: {
            const auto* address = reinterpret_cast<const sockaddr*>(b);
            return std::to_string(a) + ", " + Address(address, static_cast<socklen_t>(c)).to_string();
        }
        default:
            return std::to_string(a);
    }
}

std::string result_text(long result) {
    if (result >= 0) return std::to_string(result);
    return std::to_string(result) + " (" + std::strerror(static_cast<int>(-result)) + ")";
}

// The one of COIR_SIM_TRACE.
struct TraceFile {
    char path[4096] = {};  // the longest that Linux opens
    int fd = -1;
};
constinit TraceFile trace_file;

}  // namespace

void Trace::say(std::string_view what) const {
    if (!is_on()) return;
    const TaskRef task = current_task();
    std::string who = task ? task.name() : std::string("-");
    if (world_.threads.alive() > 1) who = world_.threads.current_name() + "/" + who;
    char start[96];
    std::snprintf(start, sizeof start, "%.9f  %-16s  ",
                  std::chrono::duration<double>(world_.now() - World::beginning).count(), who.c_str());
    sink_(start + std::string(what));
}

void Trace::call(long number, long a, long b, long c, long result, bool by_ring) const {
    if (!is_on()) return;
    std::string name = call_name(number);
    if (name.empty()) name = "system call " + std::to_string(number);
    say(name + "(" + arguments_of(number, a, b, c, result) + ") = " + result_text(result) +
        (by_ring ? ", by io_uring" : ""));
}

void Trace::choice(const testing::SimChoice& choice) const {
    if (!is_on() || choice.picked == 0) return;
    const Site site = static_cast<Site>(choice.site);
    if (site == Site::ready || site == Site::task) return;
    std::string text = std::string("chosen: ") + name_of(site);
    if (choice.count > 2) text += ", " + std::to_string(choice.picked) + " of " + std::to_string(choice.count);
    say(text);
}

void Trace::next_task(std::uint64_t task, std::size_t at, std::size_t ready) const {
    if (!is_on() || at == 0) return;
    const std::string who = task == 0 ? std::string("a callback") : "task " + std::to_string(task);
    say("chosen: next is " + who + ", " + std::to_string(at) + " of " + std::to_string(ready) + " that are ready");
}

void Trace::cancel_asked(std::uint64_t task, bool by_timeout) const {
    if (!is_on()) return;
    const std::string whose = "task " + std::to_string(task);
    say(by_timeout ? "a timeout of " + whose + " is over" : "cancel of " + whose);
}

// Descriptors of the world are placeholders among the real ones: the file's is out of their way, so that
// they are the same with it and without.
Trace::Sink trace_from_environment() {
    const char* path = std::getenv("COIR_SIM_TRACE");
    if (!path || !*path) return nullptr;
    Sys& sys = real_sys();
    if (std::strncmp(trace_file.path, path, sizeof trace_file.path) != 0) {
        constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
        const bool is_stderr = path == std::string_view("-");
        const auto opened =
            is_stderr ? long{STDERR_FILENO} : sys(SYS_openat, AT_FDCWD, path, flags, 0666);
        if (opened < 0) {
            throw std::invalid_argument(
                std::string("coir: COIR_SIM_TRACE must be a file that can be written, or -, got '") + path +
                "': " + std::strerror(static_cast<int>(-opened)));
        }
        constexpr long high = 900;
        const long moved = is_stderr ? -1 : sys.fcntl(static_cast<int>(opened), F_DUPFD_CLOEXEC, high);
        if (moved >= 0) sys.close(static_cast<int>(opened));
        if (trace_file.fd > STDERR_FILENO) sys.close(trace_file.fd);
        trace_file.fd = static_cast<int>(moved >= 0 ? moved : opened);
        std::strncpy(trace_file.path, path, sizeof trace_file.path - 1);
    }
    return [](std::string_view line) {
        const std::string text = std::string(line) + "\n";
        real_sys().write(trace_file.fd, text.data(), text.size());
    };
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
