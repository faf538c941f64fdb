// SPDX-License-Identifier: BSL-1.0
// The scenario pipe: echo on pairs of pipes between two processes.
#include "bench/scenarios/echo_server.hpp"
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"

#include "raw/pipe_echo.hpp"
#include "support/machine.hpp"

#include <coir/pipe.hpp>
#include <coir/task_group.hpp>

#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>

namespace coir_tool {
namespace {

using coir_bench::Ends;
using coir_bench::UniqueFd;

// Made before the two processes are, which inherit them.
class PipePairs {
public:
    explicit PipePairs(std::size_t count) {
        coir_bench::raise_descriptor_limit();
        for (std::size_t i = 0; i < count; ++i) {
            const auto [request_in, request_out] = make_pipe();
            const auto [answer_in, answer_out] = make_pipe();
            of_server.push_back({answer_out, request_in});
            of_load.push_back({request_out, answer_in});
        }
    }

    std::vector<Ends> of_server;
    std::vector<Ends> of_load;

private:
    struct Pipe {
        int in;
        int out;
    };
    Pipe make_pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
            throw ChildFailure(std::string("so many pipes cannot be made: ") + std::strerror(errno) +
                               "; give smaller --connections");
        }
        for (const int end : ends) open_.emplace_back(end);
        return {ends[0], ends[1]};
    }
    std::vector<UniqueFd> open_;
};

void serve_with_coir(const std::vector<Ends>& pipes, std::size_t buffer_size) {
    coir::with_task_group([&](coir::TaskGroup& group) {
        for (const Ends& ends : pipes) {
            group.create_task([ends, buffer_size] {
                coir::Pipe in{coir::Fd(ends.in)};
                coir::Pipe out{coir::Fd(ends.out)};
                copy(in, out, buffer_size);
            });
        }
    });
}

void serve_blocking(const std::vector<Ends>& pipes, std::size_t buffer_size) {
    std::vector<std::thread> threads;
    for (const Ends& ends : pipes) {
        for (const int fd : {ends.in, ends.out}) {
            coir_bench::check(::fcntl(fd, F_SETFL, 0), "fcntl");  // blocking
        }
        threads.emplace_back(coir_bench::echo_pipe_blocking, ends, buffer_size);
    }
    for (std::thread& thread : threads) thread.join();
}

constexpr RawLoops<void(const std::vector<Ends>&, std::size_t)> raw_loops_on_pipes{
    coir_bench::echo_pipes_epoll, coir_bench::echo_pipes_uring, coir_bench::echo_pipes_poll};

void serve(const Subject& subject, const std::vector<Ends>& pipes, std::size_t buffer_size) {
    if (subject.kind == Subject::Kind::reactor) {
        run_on(subject.name, [&] { serve_with_coir(pipes, buffer_size); });
    } else if (subject.name == threads_baseline) {
        serve_blocking(pipes, buffer_size);
    } else {
        raw_loops_on_pipes.named(subject.name)(pipes, buffer_size);
    }
}

}  // namespace

Workload pipe_workload(const ServedPlan& plan) {
    const WithServer with_pipes = [plan](InterruptWatch&, const Subject& subject, double,
                                         const std::function<void(const Served&)>& use) {
        const PipePairs pipes(plan.connections);
        Served served;
        served.serve = [&](const Ready& ready) {
            ready(0);
            serve(subject, pipes.of_server, buffer_for(plan.size));
        };
        served.connect = [&](int) {
            coir_bench::EchoLoadPlan load = echo_load_plan(plan, {});
            load.ends = pipes.of_load;
            return closed_loop(load, plan.ring_load);
        };
        use(served);
    };
    Workload workload = served_workload(
        "pipe", "echo on pipes between two processes, " + messages_phrase(plan.size) +
                    ", closed loop",
        plan, with_pipes);
    workload.baselines = all_baselines();
    return workload;
}

}  // namespace coir_tool
