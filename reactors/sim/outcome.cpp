// SPDX-License-Identifier: BSL-1.0
// See outcome.hpp.
//
// The child leaves its report in a file in memory. A run that aborts writes it in the signal's handler: the
// choices so far are all that is needed to make it abort again.
#include "outcome.hpp"

#include "world.hpp"

#include <coir/detail/own_sigaction.hpp>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <system_error>
#include <typeinfo>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if COIR_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

using testing::SimChoice;

constexpr unsigned seconds_for_a_run = 60;

// Numbers differ from run to run of the same failure: ports, sizes, times.
std::string without_numbers(std::string_view text) {
    std::string kept;
    for (const char c : text.substr(0, text.find('\n'))) {
        if (std::isdigit(static_cast<unsigned char>(c)) == 0) {
            kept += c;
        } else if (kept.empty() || kept.back() != '#') {
            kept += '#';
        }
    }
    return kept;
}

std::string signature_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        const char* name = typeid(e).name();
        int status = 0;
        const std::unique_ptr<char, void (*)(void*)> readable(
            abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
        return std::string(status == 0 ? readable.get() : name) + ": " + without_numbers(e.what());
    } catch (...) {
        return "an exception of another kind";
    }
}

// --- The child's report -------------------------------------------------------------------------

enum class Ending : std::uint32_t { none, passed, thrown, signalled };

struct Report {
    Ending ending;
    std::int32_t signo;
    std::uint64_t choices;
    std::uint64_t text;  // the size of the signature, which comes last
};

int report_fd = -1;

void put(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const long count = real_sys().write(report_fd, bytes, size);
        if (count <= 0) return;
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
}

void report(Ending ending, int signo, const std::vector<SimChoice>& choices,
            std::string_view text) noexcept {
    const Report head{ending, signo, choices.size(), text.size()};
    put(&head, sizeof head);
#if COIR_HAVE_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(choices.data(), choices.size() * sizeof(SimChoice));  // their padding
#endif
    put(choices.data(), choices.size() * sizeof(SimChoice));
    put(text.data(), text.size());
}

[[noreturn]] void end_here(int status) noexcept {
    for (;;) real_sys()(SYS_exit_group, status);
}

void on_end(int signo) {
    const std::vector<SimChoice> none;
    const World* world = current_world();
    report(Ending::signalled, signo, world ? world->choices.log() : none, {});
    end_here(128 + signo);
}

[[noreturn]] void be_the_child(testing::SimOptions options, const std::function<void()>& program,
                               int errors) {
    Sys& sys = real_sys();
    sys(SYS_dup3, errors, STDERR_FILENO, 0);
    const long nothing = sys(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);
    if (nothing >= 0) sys(SYS_dup3, nothing, STDOUT_FILENO, 0);
    struct sigaction action {};
    action.sa_handler = &on_end;
    for (const int signo : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
        own_sigaction(signo, &action, nullptr);
    }
    ::alarm(seconds_for_a_run);
    options.record = true;
    std::exception_ptr error;
    const auto result = testing::detail::simulate(options, program, error);
    report(error ? Ending::thrown : Ending::passed, 0, result.choices, error ? signature_of(error) : "");
    end_here(0);
}

// --- The parent's side --------------------------------------------------------------------------

class MemoryFile {
public:
    MemoryFile() : fd_(static_cast<int>(real_sys()(SYS_memfd_create, "coir-simulation", MFD_CLOEXEC))) {
        if (fd_ < 0) throw std::system_error(-fd_, std::generic_category(), "coir: memfd_create");
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { real_sys().close(fd_); }
    int fd() const noexcept { return fd_; }
    std::string content() const {
        std::string text;
        char buffer[4096];
        for (;;) {
            const long count = real_sys()(SYS_pread64, fd_, &buffer[0], sizeof buffer, text.size());
            if (count <= 0) return text;
            text.append(buffer, static_cast<std::size_t>(count));
        }
    }

private:
    const int fd_;
};

// What a program says last names its failure; a sanitizer's or a debugger's hints do not matter.
std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

Outcome outcome_of(const std::string& bytes, const std::string& errors, int status) {
    Outcome outcome;
    Report head{};
    if (bytes.size() < sizeof head) {
        outcome.failed = outcome.ended_process = true;
        outcome.signature = "it ends the process, status #: " + without_numbers(last_line(errors));
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) outcome.signature = "it does not end";
        return outcome;
    }
    std::memcpy(&head, bytes.data(), sizeof head);
    const std::size_t size = head.choices * sizeof(SimChoice);
    outcome.choices.resize(head.choices);
    if (size > 0) std::memcpy(outcome.choices.data(), bytes.data() + sizeof head, size);
    outcome.failed = head.ending != Ending::passed;
    outcome.ended_process = head.ending == Ending::signalled;
    outcome.signature = bytes.substr(sizeof head + size, head.text);
    if (outcome.ended_process) {
        outcome.signature = "signal " + std::to_string(head.signo) + ": " + without_numbers(last_line(errors));
    }
    return outcome;
}

}  // namespace

std::string message_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        const std::string_view text = e.what();
        return std::string(text.substr(0, text.find('\n')));
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

Outcome run_here(const testing::SimOptions& options, const std::function<void()>& program) {
    std::exception_ptr error;
    testing::SimResult result = testing::detail::simulate(options, program, error);
    return {error != nullptr, false, error ? signature_of(error) : "", std::move(result.choices)};
}

Outcome run_in_child(const testing::SimOptions& options, const std::function<void()>& program) {
    const MemoryFile reported;
    const MemoryFile errors;
    report_fd = reported.fd();
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "coir: fork");
    if (child == 0) be_the_child(options, program, errors.fd());
    int status = 0;
    while (real_sys()(SYS_wait4, child, &status, 0, nullptr) == -EINTR) {
    }
    return outcome_of(reported.content(), errors.content(), status);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
