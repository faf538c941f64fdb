// SPDX-License-Identifier: BSL-1.0
#include "syscall_count.hpp"

#include "measured_message.hpp"
#include "syscall_tracer.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace coir_tool {
namespace {

// The answers of a window in which the server's calls are counted.
std::uint64_t run_counted_load(const Served& served, int where, double seconds,
                               TracingPhase& phase) {
    constexpr useconds_t rest_us = 20'000;  // a traced server takes its time
    coir_bench::Load& load = connect_load(served, where);
    const auto window_ns = static_cast<std::int64_t>(seconds * 1e9);
    load.run_for(window_ns / 4);
    while (!phase.traced) {
        if (phase.refused) throw std::runtime_error("tracing is not permitted");
        ::usleep(1000);
    }
    ::usleep(rest_us);
    phase.counting = true;
    run_window(load, window_ns);
    ::usleep(rest_us);
    phase.counting = false;
    return load.answers();
}

}  // namespace

double count_served_syscalls(InterruptWatch& interrupt, const Served& served, double seconds) {
    const SharedPhase phase;
    const auto deadline = Child::Clock::now() + patience(seconds);
    try {
        SyscallTracer tracer(*phase);  // ends after the server
        ServerChild server(interrupt, served, 0, deadline);
        Child load(interrupt, [&](Sender& sender) {
            sender.send(std::to_string(run_counted_load(served, server.where(), seconds, *phase)));
        });
        tracer.start(server.pid());
        const double answers = std::stod(load.receive(deadline));
        return tracer.calls() / answers;
    } catch (const ChildFailure&) {
        return absent;
    }
}

}  // namespace coir_tool
