// SPDX-License-Identifier: BSL-1.0
// Testing programs that use coir in a simulated world: deterministic, in virtual time, hostile.
//
// Inside simulate() every loop that is made on this thread runs in a world of its own, whatever
// reactor it asks for: sockets, pipes and the clock are in memory. An hour of sleeping takes
// microseconds; the order of tasks, the sizes of transfers, delays and faults are drawn from a seed,
// and the same seed does the same again:
//
//     coir::testing::for_each_seed(1000, [] {
//         coir::run([] { test_my_server(); });
//     });
//
// What is in the world: TCP over IPv4 and IPv6, UDP, Unix sockets of streams and of datagrams, pairs of
// both, descriptors that travel in their messages, pipes. The machine's addresses are 127.0.0.0/8, ::1
// and 10.0.0.0/8, of which each is its own link's end; everything else is unreachable (ENETUNREACH).
// Errors are Linux's; the path of a Unix socket stays when that is closed, until coir::remove() takes it
// away. Files are the real ones, but in folders that are mounted (testing_files.hpp).
// Processes run programs that are installed, and signal their parent (testing_process.hpp).
// What is not in it (terminals, watching files, descriptors that were not made through coir or the calls
// of coir.h) ends the program with a line that names the call and the task. Threads are not
// simulated (but see SimThread): a to_thread() job takes no virtual time, and other threads make the
// order theirs.
//
// Threads: everything here belongs to the thread that called simulate().
#pragma once

#include <coir/await.hpp>
#include <coir/detail/config.hpp>
#include <coir/reactor.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>
#include <coir/testing_files.hpp>
#include <coir/testing_process.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace testing {

/// In which order ready tasks run.
enum class SimOrder : unsigned char {
    drawn,       ///< one of the others, by the seed
    fifo,        ///< as on a real reactor
    uniform,     ///< any of the ready ones
    priorities,  ///< PCT: random priorities, lowered at up to three random steps
    starvation,  ///< as a real reactor, but now and then one task is kept waiting for long
};

/// What the loops' reactors are like.
enum class SimReactor : unsigned char {
    drawn,      ///< either, for each loop, by the seed
    readiness,  ///< as epoll: told what is ready, it makes the calls itself
    io_uring,   ///< the io_uring reactor itself, on a simulated kernel of an age that the seed draws
};

/// What goes wrong, and how often. As it is made: nothing, and the network takes no time. A
/// probability is between 0 and 1 and is asked for once per occasion.
struct COIR_API SimFaults {
    std::chrono::nanoseconds latency{0};  ///< what every segment takes at least
    std::chrono::nanoseconds jitter{0};   ///< the mean of what is added to it (exponential)
    std::uint64_t bytes_per_second = 0;   ///< of each direction of a connection; 0: without limit
    double partial = 0;     ///< a read or write moves less than it could, or a write nothing at all
    double reset = 0;       ///< a transfer finds the TCP connection reset
    double abort_accept = 0;  ///< accept says ECONNABORTED
    double partition = 0;   ///< a segment finds its link cut, for a virtual second on average
    double loss = 0;        ///< a datagram of UDP is lost; those of Unix sockets never are
    double duplicate = 0;   ///< a datagram of UDP comes twice
    double spurious = 0;    ///< a wait reports a descriptor that is not ready
    // Of a simulated io_uring; `late` also of files and processes, whose calls a thread would make. A buffer
    // that is touched, or freed, before its operation has completed ends the program with a line that names
    // the operation, whatever the faults.
    double late = 0;    ///< a request, or its result, takes its time; a cancel finds it half done
    double busy = 0;    ///< the kernel takes less than it is given
    double multishot_ends = 0;  ///< a multishot request ends for no reason
    bool tiny_queues = false;   ///< 2 to 16 entries, completions overflow
    /// Memory for the stacks of new tasks cannot be had. Never drawn: few programs are made for that.
    double no_stack = 0;
    double no_process = 0;  ///< making a process says EAGAIN
    // Of files in a mounted folder (Files).
    double no_space = 0;  ///< a write says ENOSPC, or writes only a part of it
    double bad_disk = 0;  ///< a read, a write or an fsync says EIO
    bool shuffle = false;   ///< events of one wait come in any order
    bool small_buffers = false;  ///< sockets hold between 64 bytes and 64 KiB

    /// What the seed draws: three seeds in ten have no faults; the others have about half of the
    /// kinds, each with a rate of its own.
    static SimFaults drawn(std::uint64_t seed);
    /// The kinds that are on, in words ("latency 1.2ms, reset 0.001"); "none".
    std::string to_string() const;
};

/// One choice that the simulator made: where, of how many, and which; 0 is always the harmless one.
struct SimChoice {
    std::uint16_t site = 0;  ///< 26: choose(); the others are in reactors/sim/choices.hpp
    std::uint32_t count = 0;
    std::uint32_t picked = 0;
    friend bool operator==(const SimChoice&, const SimChoice&) = default;
};

struct SimOptions {
    std::uint64_t seed = 0;
    std::optional<SimFaults> faults = std::nullopt;  ///< absent: drawn from the seed
    SimOrder order = SimOrder::drawn;
    SimReactor reactor = SimReactor::drawn;
    /// The run fails (std::runtime_error) when an error is reported that nobody has handled: of a task that
    /// nobody awaits, of a server's handler, of a callback. Not where the loop has an exception handler of the program's.
    bool fail_on_reports = false;
    /// Fill SimResult::choices. Of a run whose program throws there is no result: let it catch, or ask
    /// minimise().
    bool record = false;
    /// Makes these choices instead of drawing them; when they are used up, the harmless ones. With
    /// the seed, faults and order of the run that recorded them, that run happens again. Where something
    /// else is asked than when it was recorded, the harmless one is taken, and the result says
    /// `diverged`. A choice of site 0 stands for whatever is asked there; its number is taken modulo what
    /// there is to choose from.
    std::vector<SimChoice> replay = {};
    /// A loop that has looked for events more often than this will not come to an end, it is taken (a task that yields
    /// without end, one that polls): it ends with DeadlockError, after a line on stderr. As it is made: some 30 s.
    std::uint64_t most_turns = 5'000'000;
    /// Is told what happens, a line at a time: the virtual time, the task (-: the loop, which on io_uring makes the
    /// calls of all; SimReactor::readiness names who wants them), with the thread when there are more than one, and
    /// a system call with its result, a choice that is not the harmless one, a task that is asked to end and by what
    /// (the number is that of its default name), an error that is reported, a note().
    /// Absent: COIR_SIM_TRACE=FILE (or -, stderr) in the environment is told by simulate() and for_each_seed().
    /// The lines are for people, and change from one version to the next. It runs within the simulation: it must
    /// not throw, nor call coir.
    std::function<void(std::string_view line)> trace = {};
};

/// What a simulation was like.
struct COIR_API SimResult {
    std::uint64_t seed = 0;
    SimFaults faults;
    SimOrder order = SimOrder::fifo;
    SimReactor reactor = SimReactor::drawn;  ///< of the first loop; drawn: there was none
    std::uint64_t hash = 0;      ///< of every choice, system call and event: equal runs, equal hashes
    std::uint64_t choice_count = 0;
    std::uint64_t call_count = 0;   ///< system calls that the world answered
    std::uint64_t event_count = 0;  ///< things that happened by themselves, such as arrivals
    std::chrono::nanoseconds virtual_time{0};
    std::vector<SimChoice> choices;      ///< when SimOptions::record
    bool diverged = false;               ///< the program asked for other choices than the replayed ones
    std::size_t open_descriptors = 0;    ///< of the world's, that the program has left open
    std::size_t open_processes = 0;      ///< of the world's, that it has not waited for
    std::size_t reported_errors = 0;     ///< that nobody has handled: see SimOptions::fail_on_reports
    /// One line: the seed, and what the run was like.
    std::string to_string() const;
};

/// Options as text, for a file that keeps a failing run: what was chosen, and what the rest was like.
/// Harmless choices are only counted.
COIR_API std::string to_text(const SimOptions& options);
/// Reads it; lines that it does not know are ignored. Throws std::invalid_argument, with what was
/// expected and what was there, also when no line names the seed.
COIR_API SimOptions options_from_text(std::string_view text);

/// How much minimise() may do.
struct SimBudget {
    std::uint64_t runs = 20'000;
    std::chrono::nanoseconds time = std::chrono::seconds(60);  ///< of the real clock; a run is not interrupted
};

/// A failing run, and what minimise() has made of it.
struct COIR_API SimFailure {
    SimOptions options;     ///< run this again
    std::string signature;  ///< the exception's type and message, without the numbers
    std::uint64_t runs = 0;
    std::size_t choices = 0;  ///< that are not the harmless ones
    /// The lines of a regression test, in which `program` is what simulate() is given: a function's name,
    /// or a lambda.
    std::string to_cpp(std::string_view program) const;
};

namespace detail {
COIR_API SimResult simulate(const SimOptions& options, const std::function<void()>& program);
/// What the program throws is in `error`.
COIR_API SimResult simulate(const SimOptions& options, const std::function<void()>& program,
                            std::exception_ptr& error);
COIR_API SimFailure minimise(const SimOptions& options, const std::function<void()>& program,
                             const SimBudget& budget);
COIR_API void for_each_seed(const SimOptions& options, std::uint64_t count,
                            const std::function<void()>& program);
/// A reactor of the running simulation, for who drives one without a loop.
COIR_API std::unique_ptr<Reactor> make_reactor();
COIR_API std::size_t start_thread(std::string name, std::function<void()> body);
COIR_API void join_thread(std::size_t number);
COIR_API bool thread_has_ended(std::size_t number) noexcept;
COIR_API std::uint64_t cancel_at_every_suspension(const std::function<void()>& f,
                                                  const SimOptions& options);
/// Throws std::logic_error, which names the function, outside a simulation.
COIR_API void require_simulation(const char* function);
/// What COIR_SIM_SEED and COIR_SIM_SEEDS say, or this.
COIR_API std::uint64_t first_seed(std::uint64_t otherwise = 0);
COIR_API std::uint64_t seed_count(std::uint64_t wanted);
}  // namespace detail

/// Runs `program()` in a new world, with everything in it, and says what it was like. What program
/// throws is thrown here. A loop that can never go on, because all its tasks wait and nothing is on
/// its way, ends with DeadlockError; so does one after SimOptions::most_turns, for it will not come to an
/// end. Throws std::logic_error inside a simulation or a running loop, std::invalid_argument for
/// probabilities outside 0..1, negative durations and most_turns of 0.
template <class F>
SimResult simulate(const SimOptions& options, F&& program) {
    return detail::simulate(options, [&program] { static_cast<void>(program()); });
}

/// A run that fails (`program` throws), made smaller as long as it fails in the same way: without
/// kinds of faults, with fewer choices that are not harmless, and with smaller ones. The seed stays,
/// for what is drawn from it beside the choices. Throws std::invalid_argument when the run does not
/// fail. What ends the process, such as a failed assertion, is run in children of fork(), each of which may
/// take a minute; other threads of the program are not in them.
template <class F>
SimFailure minimise(const SimOptions& options, F&& program, const SimBudget& budget = {}) {
    return detail::minimise(options, [&program] { static_cast<void>(program()); }, budget);
}

/// The seed of the running simulation, and the faults that it was made with. std::logic_error
/// outside.
COIR_API std::uint64_t current_seed();
COIR_API const SimFaults& current_faults();
/// A number below `count` for the program's own decisions: how much to send, whom to ask, when to give
/// up. Drawn from the seed as every choice of the world is, so that it is in the log, comes again in a
/// replay, and is made smaller (0, where that still fails) by minimise(); which numbers from a generator
/// of the program's own are not. 0 for a count of 1. std::invalid_argument for a count of 0,
/// std::logic_error outside a simulation.
COIR_API std::uint32_t choose(std::uint32_t count);
/// A line of the program's own for SimOptions::trace. Nothing outside a simulation, or when nobody traces.
COIR_API void note(std::string_view text);

/// coir::run() in a new world: `f()` is the main task; its result is returned. A deadlock throws
/// DeadlockError.
template <class F>
auto run(F&& f, const SimOptions& options = {}) -> std::invoke_result_t<std::decay_t<F>> {
    using Result = std::invoke_result_t<std::decay_t<F>>;
    RunOptions run_options;
    run_options.on_deadlock = OnDeadlock::fail;
    if constexpr (std::is_void_v<Result>) {
        simulate(options, [&] { coir::run(std::forward<F>(f), run_options); });
    } else {
        std::optional<Result> result;
        simulate(options, [&] { result.emplace(coir::run(std::forward<F>(f), run_options)); });
        return std::move(*result);
    }
}

/// Runs `f()` in a new world again and again, and cancels its task the first time that it waits, then
/// the second time, and so on, until it ends before that. What must hold is that of every function that
/// may be cancelled: it ends (by the cancel, or regularly, for a result that is there wins), and no task
/// of its own and no descriptor is left. Returns how often it waits when nobody cancels it.
///
///     coir::testing::cancel_at_every_suspension([] { copy_records("10.0.0.1", 5432); });
///
/// f is in a task: it does not call run(). One that takes a cancel and goes on regularly passes. The world that
/// `options` are without has the faults that seed 0 draws; `{.faults = SimFaults{}}` has none.
///
/// Throws what f throws, DeadlockError when it does not end, std::runtime_error that says at which wait
/// it was cancelled and what was left. A line on stderr names the wait for the others, too. Endless
/// work in f makes this endless. `options`: the world; all runs have the same. std::logic_error inside
/// a simulation or a running loop.
template <class F>
std::uint64_t cancel_at_every_suspension(F&& f, const SimOptions& options = {}) {
    return detail::cancel_at_every_suspension([&f] { static_cast<void>(f()); }, options);
}

/// Of a task in a simulation: waits until everything else has come as far as it can without time going
/// on (which goes on by a nanosecond). Like asyncio's test loops, and Go's synctest.Wait.
COIR_API COIR_SUSPENDS void run_until_idle();
/// Of a task in a simulation: lets so much virtual time pass, and everything happen that is due by then.
/// Both are cancellation points, and throw std::logic_error elsewhere.
template <class Rep, class Period>
COIR_SUSPENDS void advance(std::chrono::duration<Rep, Period> duration) {
    detail::require_simulation("advance");
    coir::sleep(duration);
    run_until_idle();
}

/// simulate() with the seeds 0 to `count` - 1, until one throws, or aborts (a failed assertion): a line on
/// stderr then says which. One that throws is run once more, and another line says so if it does not fail
/// again. The environment can replace these: COIR_SIM_SEED=7 runs that one alone, COIR_SIM_SEEDS=100000 so
/// many. Faults are drawn for most seeds: connections are reset, and what waits for them fails with IoError,
/// as on any network. Errors that no task of the program sees, those of server handlers and of tasks that
/// nobody awaits, are logged only; SimOptions::fail_on_reports makes the run fail.
template <class F>
void for_each_seed(std::uint64_t count, F&& program) {
    detail::for_each_seed({}, count, [&program] { static_cast<void>(program()); });
}
/// The same in worlds that are otherwise as `options` says, from its seed on: without faults of one kind, for
/// instance.
template <class F>
void for_each_seed(const SimOptions& options, std::uint64_t count, F&& program) {
    detail::for_each_seed(options, count, [&program] { static_cast<void>(program()); });
}

/// A thread of the simulated world: plain code that runs a loop of its own, as a thread of a program
/// does. All of them take turns on the one real thread: the turn passes where a loop looks for
/// events, and who is next is one of the choices; so everything between two loops (posting, futures
/// of another loop, closing one of them first) is explored, but for what two processors do at the same
/// time. The clock goes on only when all threads sleep. std::thread is not simulated.
///
///     SimThread server("server", [&] { coir::run(serve); });
///     coir::run(visit);
///
/// simulate() returns when all threads have ended. When one of them throws, simulate() throws that,
/// and the loops of the others end with DeadlockError. A thread has 1 MiB of stack; what is
/// thread_local is shared by all of them. std::logic_error outside a simulation.
class COIR_API SimThread {
public:
    template <class F>
    SimThread(std::string name, F&& body)
        : number_(detail::start_thread(std::move(name), std::function<void()>(std::forward<F>(body)))) {}
    /// Sleeps until it has ended: within a loop, that loop stands still. Throws DeadlockError when
    /// it never ends.
    void join() { detail::join_thread(number_); }
    bool has_ended() const noexcept { return detail::thread_has_ended(number_); }

private:
    std::size_t number_;
};

/// A rare place in coir, and how often this process has been there.
struct SimProbe {
    std::string name;
    std::uint64_t count = 0;
};
/// All of them: what a campaign of many seeds must have reached. None in builds with NDEBUG.
COIR_API std::vector<SimProbe> probes();

/// How a link is. Both directions are alike.
struct LinkOptions {
    std::chrono::nanoseconds latency{0};
    std::chrono::nanoseconds jitter{0};
    std::uint64_t bytes_per_second = 0;
    double loss = 0;       ///< of datagrams
    double duplicate = 0;  ///< of datagrams
};

/// The network of the running simulation. Addresses are numeric ("10.0.0.1", "::1"); one that cannot
/// be parsed throws std::invalid_argument, every call outside a simulation std::logic_error.
class COIR_API Network {
public:
    /// Connections and datagrams between the two, from now on. Others keep what the faults say.
    static void set_link(std::string_view a, std::string_view b, const LinkOptions& options);
    /// Nothing gets through between the two until heal(): streams wait, datagrams are lost, and
    /// connecting goes on trying for two minutes (ETIMEDOUT).
    static void partition(std::string_view a, std::string_view b);
    static void heal(std::string_view a, std::string_view b);
    /// All links, those that the faults have cut as well.
    static void heal_all();
    /// Stops faults from here on, and heals all links: for the part of a test that must succeed.
    static void calm();
    /// Resets every TCP connection between the two; the number of them.
    static std::size_t reset(std::string_view a, std::string_view b);
    /// How many descriptors of the world may be open from now on: beyond, EMFILE.
    static void limit_descriptors(std::size_t most);
    static std::size_t open_descriptors();
};

}  // namespace testing
}  // namespace v0
}  // namespace coir
