// SPDX-License-Identifier: BSL-1.0
// The scenario echo: a server of coir's streams on the reactor under test in one child, the load in
// another, on different CPUs when there are two.
//
// The two talk over a socket pair: the load sends a byte, the server answers with its counters. So
// the server's CPU time is its own exact reading, and covers the measured window only.
#include "child.hpp"
#include "loop_workload.hpp"
#include "table.hpp"

#include "support/clock.hpp"
#include "support/echo_load.hpp"
#include "support/machine.hpp"

#include <coir/await.hpp>
#include <coir/net.hpp>
#include <coir/run.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace coir_tool {
namespace {

struct ServerCounters {
    std::int64_t cpu_ns = 0;
    std::uint64_t turns = 0;
};

// The two ends of the line between server and load.
class ControlLine {
public:
    ControlLine() {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) {
            throw std::system_error(errno, std::generic_category(), "socketpair");
        }
    }
    ControlLine(const ControlLine&) = delete;
    ControlLine& operator=(const ControlLine&) = delete;
    ~ControlLine() {
        close_server_end();
        close_load_end();
    }
    int server_end() const noexcept { return ends_[0]; }
    int load_end() const noexcept { return ends_[1]; }
    void close_server_end() noexcept { close_end(0); }
    void close_load_end() noexcept { close_end(1); }

private:
    void close_end(int which) noexcept {
        if (ends_[which] >= 0) ::close(ends_[which]);
        ends_[which] = -1;
    }
    int ends_[2];
};

std::int64_t process_cpu_now() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void echo(coir::Stream& stream, std::size_t buffer_size) {
    std::string buffer(buffer_size, '\0');
    try {
        while (const std::size_t got = stream.read(buffer)) {
            stream.write(std::string_view(buffer.data(), got));
        }
    } catch (const coir::IoError&) {
        // The load ends its connections by resetting them.
    }
}

// Answers the load's questions until it hangs up.
void answer_questions(int control) {
    for (;;) {
        coir::wait_readable(control);
        char question = 0;
        if (::read(control, &question, 1) != 1) return;
        const ServerCounters counters{process_cpu_now(), coir::get_running_loop().metrics().turns};
        if (::write(control, &counters, sizeof counters) != sizeof counters) return;
    }
}

void serve(Sender& sender, const std::string& reactor, const EchoPlan& plan, int control) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(0);
    coir::RunOptions options;
    options.reactor = reactor;
    coir::run(
        [&] {
            const std::size_t buffer_size = std::clamp<std::size_t>(plan.size, 4096, 64 * 1024);
            coir::ServerOptions server_options;
            server_options.backlog = 4096;
            coir::Server server =
                coir::start_server([=](coir::Stream& stream) { echo(stream, buffer_size); },
                                   "127.0.0.1", 0, server_options);
            sender.send(std::to_string(server.port()));
            answer_questions(control);
        },
        options);
}

std::unique_ptr<coir_bench::EchoLoad> make_load(const EchoPlan& plan, int port) {
    const coir_bench::EchoLoadPlan load{
        .port = port, .connections = plan.connections, .size = plan.size};
    // Not by preference: it is the one that a fast server cannot outrun.
    return plan.ring_load ? coir_bench::make_ring_load(load) : coir_bench::make_epoll_load(load);
}

ServerCounters ask_server(int control) {
    ServerCounters counters;
    const char question = '?';
    if (::write(control, &question, 1) != 1 ||
        ::recv(control, &counters, sizeof counters, MSG_WAITALL) != sizeof counters) {
        throw std::runtime_error("the server is gone");
    }
    return counters;
}

Sample run_load(const EchoPlan& plan, int port, double seconds, int control) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(1);
    // Never destroyed: the child's exit is its end, whatever is still under way.
    coir_bench::EchoLoad& load = *make_load(plan, port).release();
    const auto window_ns = static_cast<std::int64_t>(seconds * 1e9);
    load.run_for(window_ns / 4);

    const ServerCounters before = ask_server(control);
    load.clear();
    const std::int64_t begin_ns = coir_bench::now_ns();
    // A short window on a busy machine may pass without an answer.
    constexpr std::int64_t patience_ns = 5'000'000'000;
    do {
        load.run_for(window_ns);
    } while (load.answers() == 0 && coir_bench::now_ns() - begin_ns < patience_ns);
    const std::int64_t end_ns = coir_bench::now_ns();
    const ServerCounters after = ask_server(control);

    const auto requests = static_cast<double>(load.answers());
    if (requests == 0) throw std::runtime_error("no answer came in the measured time");
    Sample sample;
    sample.value = requests * 1e9 / static_cast<double>(end_ns - begin_ns);
    sample.operations = requests;
    sample.cpu_ns_per_op = static_cast<double>(after.cpu_ns - before.cpu_ns) / requests;
    sample.polls_per_op = static_cast<double>(after.turns - before.turns) / requests;
    set_latency(sample, load.latency());
    return sample;
}

// The load fails when the server does; then the server's error is the one to tell.
[[noreturn]] void fail_with_cause(Child& server, const ChildFailure& failure) {
    try {
        server.receive(Child::Clock::now() + std::chrono::milliseconds(200));
    } catch (const ChildFailure& cause) {
        if (!cause.timed_out()) {
            throw ChildFailure(std::string("server: ") + cause.what(), cause.signo());
        }
    }
    throw ChildFailure(std::string("load generator: ") + failure.what());
}

std::vector<Sample> measure_echo(InterruptWatch& interrupt, const std::string& reactor,
                                 double seconds, const EchoPlan& plan) {
    ControlLine control;
    Child server(interrupt, [&](Sender& sender) {
        control.close_load_end();
        serve(sender, reactor, plan, control.server_end());
    });
    control.close_server_end();
    const auto deadline = Child::Clock::now() + patience(seconds);
    const int port = std::stoi(server.receive(deadline));
    Child load(interrupt, [&](Sender& sender) {
        sender.send(pack({run_load(plan, port, seconds, control.load_end())}));
    });
    try {
        return unpack(load.receive(deadline), 1);
    } catch (const ChildFailure& failure) {
        fail_with_cause(server, failure);
    }
}

}  // namespace

Workload echo_workload(const EchoPlan& plan) {
    const std::string connections = format_whole(static_cast<double>(plan.connections)) +
                                    (plan.connections == 1 ? " connection" : " connections");
    return {"echo",
            "TCP on loopback, messages of " + format_whole(static_cast<double>(plan.size)) +
                (plan.size == 1 ? " byte" : " bytes") + ", closed loop",
            {{connections, "requests/s", true}},
            [plan](InterruptWatch& interrupt, const std::string& reactor, double seconds) {
                return measure_echo(interrupt, reactor, seconds, plan);
            }};
}

bool can_load_by_ring(InterruptWatch& interrupt) {
    try {
        in_child(interrupt, std::chrono::seconds(5), [](Sender& sender) {
            coir_bench::make_ring_load({.port = 0, .connections = 0, .size = 1}).release();
            sender.send("");
        });
        return true;
    } catch (const ChildFailure&) {
        return false;
    }
}

}  // namespace coir_tool
