// SPDX-License-Identifier: BSL-1.0
#include "served.hpp"

#include "measured_message.hpp"
#include "process_facts.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <unistd.h>

namespace coir_tool {
namespace {

// The server rests, so that what the kernel says of its time is exact; the answers that it still
// gave stand in for those that it had given when the window began.
ProcessFacts read_at_rest(int pid) {
    ::usleep(1000);
    return pid == 0 ? ProcessFacts() : read_process_facts(pid);
}

double share_of(std::uint64_t some, double answers) {
    return static_cast<double>(some) / std::max(answers, static_cast<double>(some));
}

// The load generator's part, in its own process.
Measured run_load(const Served& served, const ServerChild& server, double seconds) {
    return measure_load(connect_load(served, server.where()), server.pid(), seconds);
}

void set_server_facts(Sample& sample, const ProcessFacts& before, const ProcessFacts& after) {
    sample.cpu_ns_per_op = static_cast<double>(after.cpu_ns - before.cpu_ns) / sample.operations;
    sample.switches_per_op = static_cast<double>(after.switches - before.switches) / sample.operations;
    sample.rss_bytes = static_cast<double>(after.rss_bytes);
}

void serve(const Served& served, unsigned nth_cpu, Sender& sender) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(nth_cpu);
    if (!served.command.empty()) sender.become(served.command);
    served.serve([&](int where) { sender.send(std::to_string(where)); });
}

}  // namespace

ServerChild::ServerChild(InterruptWatch& interrupt, const Served& served, unsigned nth_cpu,
                         Child::Clock::time_point deadline)
    : prints_lines_(!served.command.empty()),
      child_(interrupt, [&](Sender& sender) { serve(served, nth_cpu, sender); }),
      where_(wait_until_reachable(deadline)) {}

int ServerChild::wait_until_reachable(Child::Clock::time_point deadline) {
    const std::string text = prints_lines_ ? child_.receive_line(deadline) : child_.receive(deadline);
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw ChildFailure("server: it printed no port, but '" + text + "'");
    }
    return number;
}

void ServerChild::fail_with_cause(const ChildFailure& failure) {
    try {
        const auto soon = Child::Clock::now() + std::chrono::milliseconds(200);
        prints_lines_ ? child_.receive_line(soon) : child_.receive(soon);
    } catch (const ChildFailure& cause) {
        if (!cause.timed_out()) {
            throw ChildFailure(std::string("server: ") + cause.what(), cause.signo());
        }
    }
    throw ChildFailure(std::string("load generator: ") + failure.what());
}

coir_bench::Load& connect_load(const Served& served, int where) {
    coir_bench::raise_descriptor_limit();
    coir_bench::pin_to_allowed_cpu(1);
    return *served.connect(where).release();
}

std::int64_t run_window(coir_bench::Load& load, std::int64_t window_ns) {
    constexpr std::int64_t patience_ns = 5'000'000'000;
    load.clear();
    std::int64_t elapsed_ns = 0;
    do {
        const std::int64_t begin_ns = coir_bench::now_ns();
        load.run_for(window_ns);
        elapsed_ns += coir_bench::now_ns() - begin_ns;
    } while (load.answers() == 0 && elapsed_ns < patience_ns);
    if (load.answers() == 0) throw std::runtime_error("no answer came in the measured time");
    return elapsed_ns;
}

Measured measure_load(coir_bench::Load& load, int server, double seconds) {
    const auto window_ns = static_cast<std::int64_t>(seconds * 1e9);
    load.run_for(window_ns / 4);

    const ProcessFacts before = read_at_rest(server);
    const ProcessFacts load_before = read_process_facts(::getpid());
    const std::int64_t elapsed_ns = run_window(load, window_ns);
    const ProcessFacts load_after = read_process_facts(::getpid());
    const ProcessFacts after = read_at_rest(server);

    const auto answers = static_cast<double>(load.answers());
    Measured measured;
    Sample& sample = measured.sample;
    sample.value = answers * 1e9 / static_cast<double>(elapsed_ns);
    sample.operations = answers;
    if (server != 0) set_server_facts(sample, before, after);
    sample.load_cpu_ns_per_op = static_cast<double>(load_after.cpu_ns - load_before.cpu_ns) / answers;
    if (const auto lost = load.lost()) sample.lost_share = share_of(*lost, answers);
    if (const auto late = load.late()) sample.late_share = share_of(*late, answers);
    set_latency(measured, load.latency());
    return measured;
}

Measured measure_served(InterruptWatch& interrupt, const Served& served, double seconds) {
    ServerChild server(interrupt, served, 0, Child::Clock::now() + patience(seconds));
    try {
        return measure_in_child(interrupt, seconds, [&] {
                   return std::vector{run_load(served, server, seconds)};
               }).at(0);
    } catch (const ChildFailure& failure) {
        server.fail_with_cause(failure);
    }
}

}  // namespace coir_tool
