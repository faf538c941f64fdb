// SPDX-License-Identifier: BSL-1.0
// Processes of a simulated world. Its programs are functions, installed under a path: what the program
// under test starts with create_subprocess_exec is such a function, which runs as a process of its own
// between the turns of everything else, with its own descriptors, environment and signals.
//
//     simulate(options, [] {
//         coir::testing::Programs::install("/usr/bin/upper", [](coir::testing::SimProcess& self) {
//             while (auto line = self.read_line(0)) self.write(1, to_upper(*line) + "\n");
//             return 0;
//         });
//         coir::run([] {
//             auto child = coir::create_subprocess_exec({"upper"}, {.stdin_ = pipe, .stdout_ = pipe});
//             ...
//         });
//     });
#pragma once

#include <coir/detail/config.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
class Process;
}
}  // namespace detail

namespace testing {

/// A process of the running simulation, as its program sees it. Every call may let others have their
/// turn, and is where signals come: one that ends the process throws something that the program must
/// not keep (it is no std::exception), so that what lives on its stack is destroyed. Calls that come
/// after that do nothing.
///
/// Failures are std::system_error with the errno. Descriptors are those that the parent has given it.
class COIR_API SimProcess {
public:
    explicit SimProcess(detail::sim::Process& process) noexcept : process_(process) {}
    SimProcess(const SimProcess&) = delete;
    SimProcess& operator=(const SimProcess&) = delete;

    pid_t pid() const noexcept;
    /// Beginning with the program's name.
    const std::vector<std::string>& arguments() const noexcept;
    /// Of its environment.
    std::optional<std::string> variable(std::string_view name) const;
    /// That it was started in; empty: the parent's.
    const std::string& directory() const noexcept;
    /// Whether this descriptor is open.
    bool has(int fd) const noexcept;

    /// Waits for at least one byte; 0 at the end. As read(2), but for O_NONBLOCK, which does not count.
    std::size_t read(int fd, char* buffer, std::size_t size);
    /// Up to the end.
    std::string read_all(int fd);
    /// Without its newline; absent at the end. Reads byte by byte: what follows stays where it is.
    std::optional<std::string> read_line(int fd);
    /// All of it, waiting for room. SIGPIPE ends the process when nobody reads; EPIPE where that is
    /// ignored.
    void write(int fd, std::string_view bytes);
    void close(int fd);
    /// In virtual time. A signal with a handler, or one that is ignored, does not cut it short.
    void sleep(std::chrono::nanoseconds duration);

    /// The signal does nothing from now on. SIGKILL and SIGSTOP: std::system_error(EINVAL).
    void ignore(int signo);
    /// `handler(signo)` is called in the process' next call.
    void on_signal(int signo, std::function<void(int)> handler);
    /// To the program under test. It must have a handler for it (a SignalStream, say), or ignore it:
    /// std::logic_error otherwise.
    void signal_parent(int signo);
    /// Ends the process, as returning from the program does. Its stack is unwound.
    [[noreturn]] void exit(int status);

private:
    detail::sim::Process& process_;
};

/// What a process does; what it returns is its exit status (of which 8 bits count). When it throws, the
/// process dies of SIGABRT and a line on stderr says why.
using SimProgram = std::function<int(SimProcess&)>;

/// The programs and processes of the running simulation. Calls outside one throw std::logic_error.
///
/// SimFaults::no_process refuses some; some seeds' kernels know no pidfd. Processes that still run when the
/// simulation ends are killed. fork() and posix_spawn are not simulated, nor is who starts processes
/// inside one. ProcessOptions' user, group, extra_groups, umask and kill_on_parent_death are taken and change
/// nothing here.
class COIR_API Programs {
public:
    /// There is a program of this path from now on (std::invalid_argument: not absolute). What is not
    /// installed does not exist: ENOENT, whatever the machine has. The PATH counts as usual.
    static void install(std::string_view path, SimProgram program);
    /// Those that have not ended.
    static std::vector<pid_t> running();
    /// As code that knows nothing of coir and calls wait(-1): takes the status of a process that has
    /// ended away from whoever waits for it. Absent: there is none.
    static std::optional<pid_t> steal();
    /// As kill(1) does from outside. False: it does not run any more.
    static bool kill(pid_t pid, int signo);
};

}  // namespace testing
}  // namespace v0
}  // namespace coir
