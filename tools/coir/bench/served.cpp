// SPDX-License-Identifier: BSL-1.0
#include "served.hpp"

#include "measured_message.hpp"
#include "process_facts.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <charconv>
#include <stdexcept>

#include <unistd.h>

namespace coir_tool {
namespace {

// The server rests, so that what the kernel says of its time is exact; the answers that it still
// gave stand in for those that it had given when the window began.
ProcessFacts read_at_rest(int pid) {
    ::usleep(1000);
    return read_process_facts(pid);
}

Measured run_load(const Served& served, int where, int server, double seconds) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(1);
    // Never destroyed: the child's exit is its end, whatever is still under way.
    coir_bench::Load& load = *served.connect(where).release();
    const auto window_ns = static_cast<std::int64_t>(seconds * 1e9);
    load.run_for(window_ns / 4);

    const ProcessFacts before = read_at_rest(server);
    const ProcessFacts load_before = read_process_facts(::getpid());
    load.clear();
    // A short window on a busy machine may pass without an answer.
    constexpr std::int64_t patience_ns = 5'000'000'000;
    std::int64_t elapsed_ns = 0;
    do {
        const std::int64_t begin_ns = coir_bench::now_ns();
        load.run_for(window_ns);
        elapsed_ns += coir_bench::now_ns() - begin_ns;
    } while (load.answers() == 0 && elapsed_ns < patience_ns);
    const ProcessFacts load_after = read_process_facts(::getpid());
    const ProcessFacts after = read_at_rest(server);

    const auto answers = static_cast<double>(load.answers());
    if (answers == 0) throw std::runtime_error("no answer came in the measured time");
    Measured measured;
    Sample& sample = measured.sample;
    sample.value = answers * 1e9 / static_cast<double>(elapsed_ns);
    sample.operations = answers;
    sample.cpu_ns_per_op = static_cast<double>(after.cpu_ns - before.cpu_ns) / answers;
    sample.switches_per_op = static_cast<double>(after.switches - before.switches) / answers;
    sample.rss_bytes = static_cast<double>(after.rss_bytes);
    sample.load_cpu_ns_per_op = static_cast<double>(load_after.cpu_ns - load_before.cpu_ns) / answers;
    set_latency(measured, load.latency());
    return measured;
}

void serve(const Served& served, Sender& sender) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(0);
    if (!served.command.empty()) sender.become(served.command);
    served.serve([&](int where) { sender.send(std::to_string(where)); });
}

int number_from(const std::string& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw ChildFailure("server: it printed no port, but '" + text + "'");
    }
    return number;
}

// The load fails when the server does; then the server's error is the one to tell.
[[noreturn]] void fail_with_cause(const Served& served, Child& server, const ChildFailure& failure) {
    try {
        const auto soon = Child::Clock::now() + std::chrono::milliseconds(200);
        served.command.empty() ? server.receive(soon) : server.receive_line(soon);
    } catch (const ChildFailure& cause) {
        if (!cause.timed_out()) {
            throw ChildFailure(std::string("server: ") + cause.what(), cause.signo());
        }
    }
    throw ChildFailure(std::string("load generator: ") + failure.what());
}

}  // namespace

Measured measure_served(InterruptWatch& interrupt, const Served& served, double seconds) {
    Child server(interrupt, [&](Sender& sender) { serve(served, sender); });
    const auto deadline = Child::Clock::now() + patience(seconds);
    const int where = number_from(served.command.empty() ? server.receive(deadline)
                                                         : server.receive_line(deadline));
    try {
        return measure_in_child(interrupt, seconds, [&] {
                   return std::vector{run_load(served, where, server.pid(), seconds)};
               }).at(0);
    } catch (const ChildFailure& failure) {
        fail_with_cause(served, server, failure);
    }
}

}  // namespace coir_tool
