// SPDX-License-Identifier: BSL-1.0
// Subprocesses: starting them, talking to them, waiting for their end.
//
//     auto sort = coir::create_subprocess_exec({"sort"}, {.stdin_ = coir::Stdio::pipe(),
//                                                         .stdout_ = coir::Stdio::pipe()});
//     auto [out, err, status] = sort.communicate("b\na\n");
//
// A program is searched for in the PATH of the environment that it gets ("/bin:/usr/bin" when that
// has none); a name with a slash in it is relative to `cwd`. The child has the descriptors that it
// was given and no others, an empty signal mask, and every signal at its default. It is made by a
// thread of the pool, without copying the program's memory, so that neither the size of the program
// nor a slow disk stops the loop.
//
// Threads: the loop's; a handle may be dropped on another one. Its end is waited for by a pidfd, and
// where the kernel has none (before 5.3) by looking every few milliseconds. SIGCHLD is not used. A
// program that itself reaps all children (wait(), waitpid(-1), SIGCHLD ignored) steals the status:
// it is then unknown, code() is 255, and a warning is logged. Behaviour: asyncio.subprocess; but
// wait() waits for the process and never for its pipes, and a handle that goes kills its process.
#pragma once

#include <coir/detail/bytes.hpp>
#include <coir/detail/config.hpp>
#include <coir/pipe.hpp>
#include <coir/time.hpp>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {
class ProcessState;
}

/// The program's end of a child's pipe: reading and writing are ByteStream's. Closing that of standard
/// input is the end of the child's input.
using ProcessStream = Pipe;

/// Where one of the child's descriptors leads.
class Stdio {
public:
    /// Where the program's own leads; closed if that is closed.
    static Stdio inherit() noexcept { return Stdio(Kind::inherit, -1); }
    /// To a pipe whose other end is the Process's stream.
    static Stdio pipe() noexcept { return Stdio(Kind::pipe, -1); }
    static Stdio devnull() noexcept { return Stdio(Kind::devnull, -1); }
    /// Of standard error: where standard output leads.
    static Stdio to_stdout() noexcept { return Stdio(Kind::to_stdout, -1); }
    /// To what this descriptor refers to, which stays the caller's and must be open until the call
    /// has returned.
    static Stdio fd(int fd) noexcept { return Stdio(Kind::fd, fd); }

    enum class Kind : unsigned char { inherit, pipe, devnull, to_stdout, fd };
    Kind kind() const noexcept { return kind_; }
    int descriptor() const noexcept { return fd_; }

private:
    Stdio(Kind kind, int fd) noexcept : kind_(kind), fd_(fd) {}
    Kind kind_;
    int fd_;
};

/// A descriptor of the child beyond the first three.
struct ExtraFd {
    int number;  ///< in the child, 3 or more
    Stdio to;    ///< fd(n), devnull(); a pipe is the caller's to make
};

struct ProcessOptions {
    Stdio stdin_ = Stdio::inherit(), stdout_ = Stdio::inherit(), stderr_ = Stdio::inherit();
    /// Where the child runs; empty: where the program does.
    std::string cwd = {};
    /// "NAME=value" each; nothing: the program's own environment.
    std::optional<std::vector<std::string>> env = {};
    /// What is run instead of argv[0], which the child still sees as its name.
    std::string executable = {};
    /// More descriptors, by their numbers in the child.
    std::vector<ExtraFd> extra_fds = {};
    /// Descriptors that the child keeps under the numbers that they have.
    std::vector<int> pass_fds = {};
    /// A session of its own, without a terminal, and with it a process group.
    bool new_session = false;
    /// The process group to join; 0: one of its own, which kill_group() needs.
    std::optional<pid_t> process_group = {};
    /// False: signals that the program ignores, and those that the calling thread blocks, are so in
    /// the child too, as execve() has it.
    bool restore_signals = true;
    /// SIGKILL for the child when the thread that runs the loop ends. It is then made by that
    /// thread, which stands still until the child's program is loaded.
    bool kill_on_parent_death = false;
    /// The child's file mode creation mask.
    std::optional<mode_t> umask = {};
    /// Whom the child runs as; the privilege to change that is needed.
    std::optional<uid_t> user = {};
    std::optional<gid_t> group = {};
    std::optional<std::vector<gid_t>> extra_groups = {};
    /// Of the streams: StreamOptions::limit.
    std::size_t limit = 64 * 1024;
};

/// How a process ended.
class ExitStatus {
public:
    /// What it returned; -1 when a signal ended it, 255 when it is not known.
    int code() const noexcept { return code_; }
    /// The signal that ended it; 0 when it exited.
    int signal() const noexcept { return signal_; }
    bool ok() const noexcept { return known_ && code_ == 0; }
    /// False: somebody else has reaped it.
    bool known() const noexcept { return known_; }
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;

    // Internal.
    ExitStatus() = default;
    ExitStatus(int code, int signal, bool known) noexcept
        : code_(code), signal_(signal), known_(known) {}

private:
    int code_ = 255;
    int signal_ = 0;
    bool known_ = false;
};

/// What communicate() brings. Empty for what is not a pipe.
struct ProcessOutput {
    std::string stdout_;
    std::string stderr_;
    ExitStatus status;
};

struct CommunicateOptions {
    /// How long after the process has ended its pipes are still read: grandchildren may hold them
    /// open for ever. What has come by then is returned. Nothing: until their end.
    std::optional<Nanoseconds> linger = {};
};

/// A process that was started. Move-only.
class COIR_API Process {
public:
    /// Empty: every use but assignment throws std::logic_error.
    Process() noexcept = default;
    Process(Process&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    /// As the destructor for what it held.
    Process& operator=(Process&& other) noexcept;
    /// Kills the process (SIGKILL) and reaps it, if it still runs and was not detached. In a task
    /// this may suspend, with cancellation masked and for at most 10 seconds; elsewhere the thread
    /// waits, at most one.
    ~Process();

    /// Suspends until the process has ended, whoever still holds its pipes. Any number of times, and
    /// by several tasks. Cancelling leaves the process alone. A child that fills a pipe that nobody
    /// reads never ends: use communicate().
    COIR_SUSPENDS ExitStatus wait();
    /// How it has ended, if it has; never suspends.
    std::optional<ExitStatus> poll();

    /// Writes `input` to the standard input and closes it (also when there is no input), reads
    /// standard output and error to their ends, all at once, and waits for the process. Of any
    /// size. A child that does not read its input is no error. When it is cancelled or fails what
    /// was read is lost, and the process goes on. IoError, CancelledError.
    template <class Bytes = std::string_view>
        requires detail::ConstBytes<std::remove_reference_t<Bytes>>
    COIR_SUSPENDS ProcessOutput communicate(Bytes&& input = {},
                                            const CommunicateOptions& options = {}) {
        return exchange(detail::bytes_of_argument(input), options);
    }

    /// Sends a signal. False when the process has ended; a number that has gone to another process
    /// meanwhile is never hit. Throws std::invalid_argument for a number that is no signal, IoError
    /// (EPERM).
    bool send_signal(int signo);
    bool terminate() { return send_signal(SIGTERM); }
    bool kill() { return send_signal(SIGKILL); }
    /// The same for the whole process group, which the child must lead (new_session, or a
    /// process_group of 0: else std::logic_error). Reaches what the child has left behind after its
    /// own end too, where the kernel can do that safely (6.9 and later). False: nobody is left.
    bool kill_group(int signo = SIGKILL);
    /// Its number. Once it has been waited for, others may get it.
    pid_t pid() const;

    /// The other ends of its pipes; std::logic_error for what is not Stdio::pipe().
    ProcessStream& stdin_();
    ProcessStream& stdout_();
    ProcessStream& stderr_();

    /// The process may outlive its handle: the destructor will leave it alone. The loop reaps it as
    /// long as it runs.
    void detach();

    // Internal.
    explicit Process(detail::ProcessState* state) noexcept : state_(state) {}

private:
    ProcessOutput exchange(std::string_view input, const CommunicateOptions& options);
    detail::ProcessState& state(const char* call) const;

    detail::ProcessState* state_ = nullptr;
};

/// Starts a program. Returns once it runs. Throws std::invalid_argument for an empty argv, a NUL in a
/// string, an environment entry without a name, descriptors that are negative, too small or named
/// twice; IoError naming the program when it cannot be run (ENOENT, EACCES, ENOEXEC: a script needs
/// its "#!" line), when `cwd` is not there, when there are no descriptors, processes or memory left:
/// then nothing is left behind. Cancelled, it kills and reaps what it had started.
COIR_API COIR_SUSPENDS Process create_subprocess_exec(std::vector<std::string> argv,
                                                      ProcessOptions options = {});
/// The same by "/bin/sh -c". The command must not be built from what others have given.
COIR_API COIR_SUSPENDS Process create_subprocess_shell(std::string command,
                                                       ProcessOptions options = {});

}  // namespace v0
}  // namespace coir
