// SPDX-License-Identifier: BSL-1.0
#include "syscall_count.hpp"

#include "measured_message.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace coir_tool {
namespace {

const TracingPhase* traced_by = nullptr;  // this process, if it is

std::int64_t window_of(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

double rate_of(coir_bench::Load& load, std::int64_t window_ns) {
    const std::int64_t elapsed_ns = run_window(load, window_ns);
    return static_cast<double>(load.answers()) / static_cast<double>(elapsed_ns);
}

// How many times as fast the server is once it is traced; at most 1.
double begin_tracing_in_closed_loop(const PacedLoad& loads, int where, std::int64_t window_ns,
                                    TracingPhase& phase) {
    const std::unique_ptr<coir_bench::Load> closed = loads.closed(where);
    closed->run_for(window_ns / 4);
    const double rate = rate_of(*closed, window_ns / 2);
    begin_tracing(phase);
    closed->run_for(window_ns / 4);
    return std::min(rate_of(*closed, window_ns / 2) / rate, 1.0);
}

// A traced server takes its time, and so do a thousand threads that the tracer has just stopped.
void wait_until_quiet(const TracingPhase& phase) {
    constexpr useconds_t rest_us = 20'000;
    constexpr int most = 100;
    std::uint64_t before = 0;
    for (int times = 0; times < most; ++times) {
        before = phase.events;
        ::usleep(rest_us);
        if (phase.events == before) return;
    }
}

// Takes the answers that are still under way, for who keeps to a schedule may be far behind.
void collect_answers(coir_bench::Load& load, const TracingPhase& phase) {
    constexpr std::int64_t moment_ns = 1'000'000;
    wait_until_quiet(phase);
    load.run_for(moment_ns);
}

}  // namespace

void begin_tracing(TracingPhase& phase) {
    phase.wanted = true;
    while (!phase.traced) {
        if (phase.refused) throw std::runtime_error("tracing is not permitted");
        ::usleep(1000);
    }
}

void count_during(TracingPhase& phase, const std::function<void()>& body) {
    wait_until_quiet(phase);
    phase.counting = true;
    body();
    wait_until_quiet(phase);
    phase.counting = false;
}

double count_server_syscalls(InterruptWatch& interrupt, const Served& served, double seconds,
                             const CountedUse& use) {
    const SharedPhase phase;
    const auto deadline = Child::Clock::now() + patience(seconds);
    try {
        SyscallTracer tracer(*phase);  // ends after the server
        ServerChild server(interrupt, served, 0, deadline);
        Child load(interrupt, [&](Sender& sender) {
            coir_bench::raise_descriptor_limit();
            coir_bench::pin_to_allowed_cpu(1);
            sender.send(std::to_string(use(server.where(), *phase)));
        });
        tracer.start(server.pid());
        const double operations = std::stod(load.receive(deadline));
        return phase->calls() / operations;
    } catch (const ChildFailure&) {
        return absent;
    }
}

double count_served_syscalls(InterruptWatch& interrupt, const Served& served, double seconds) {
    return count_server_syscalls(
        interrupt, served, seconds, [&](int where, TracingPhase& phase) {
            coir_bench::Load& load = connect_load(served, where);
            load.run_for(window_of(seconds) / 4);
            begin_tracing(phase);
            count_during(phase, [&] { run_window(load, window_of(seconds)); });
            return static_cast<double>(load.answers());
        });
}

double count_paced_syscalls(InterruptWatch& interrupt, const Served& served, double seconds,
                            const PacedLoad& loads) {
    return count_server_syscalls(
        interrupt, served, seconds, [&](int where, TracingPhase& phase) {
            const double times =
                begin_tracing_in_closed_loop(loads, where, window_of(seconds), phase);
            coir_bench::Load& load = *loads.open(where, times).release();
            load.run_for(window_of(seconds) / 4);
            collect_answers(load, phase);
            count_during(phase, [&] {
                run_window(load, window_of(seconds));
                collect_answers(load, phase);
            });
            return static_cast<double>(load.answers());
        });
}

std::vector<double> count_syscalls_in_child(InterruptWatch& interrupt, double seconds,
                                            const std::function<std::vector<Measured>()>& body) {
    const SharedPhase phase;
    std::vector<double> calls;
    try {
        SyscallTracer tracer(*phase);  // ends after the child
        Child child(interrupt, [&](Sender& sender) {
            begin_tracing(*phase);
            traced_by = &*phase;
            phase->counting = true;
            sender.send(pack(body()));
        });
        tracer.start(child.pid());
        const std::string message = child.receive(Child::Clock::now() + patience(seconds));
        for (const Measured& one : unpack(message)) calls.push_back(one.sample.syscalls_per_op);
    } catch (const ChildFailure&) {
        calls.clear();
    }
    return calls;
}

double traced_calls() noexcept { return traced_by ? traced_by->calls() : absent; }

}  // namespace coir_tool
