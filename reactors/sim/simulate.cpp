// SPDX-License-Identifier: BSL-1.0
// coir::testing::simulate: a world for the time of one call.
#include "fault_table.hpp"
#include "world.hpp"
#include "world_reactor.hpp"

#include <coir/event_loop.hpp>
#include <coir/testing.hpp>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::World;

void require_probability(const char* name, double value) {
    if (value >= 0 && value <= 1) return;
    throw std::invalid_argument(std::string("coir: simulate: ") + name +
                                " must be between 0 and 1, got " + std::to_string(value));
}

void require_valid(const SimFaults& faults) {
    if (faults.latency.count() < 0 || faults.jitter.count() < 0) {
        throw std::invalid_argument("coir: simulate: latency and jitter must not be negative");
    }
    for (const coir::detail::sim::FaultKind& kind : coir::detail::sim::fault_kinds()) {
        if (kind.rate) require_probability(kind.name, faults.*kind.rate);
    }
}

void require_valid(const SimOptions& options) {
    if (options.faults) require_valid(*options.faults);
    if (options.most_turns == 0) throw std::invalid_argument("coir: simulate: most_turns must be at least 1, got 0");
    for (const SimChoice& choice : options.replay) {
        if (choice.count == 0) throw std::invalid_argument("coir: simulate: a replayed choice of 0");
    }
    if (coir::detail::sim::current_world()) {
        throw std::logic_error("coir: simulate inside a simulation");
    }
    if (try_get_running_loop()) throw std::logic_error("coir: simulate inside a running loop");
}

World& require_world(const char* call) {
    if (World* world = coir::detail::sim::current_world()) return *world;
    throw std::logic_error(std::string("coir: ") + call + " outside a simulation");
}

struct Inside {
    explicit Inside(World& world) noexcept {
        coir::detail::sim::set_current_world(&world);
        coir::detail::set_thread_sys(&world.thread_sys);
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() {
        coir::detail::set_thread_sys(nullptr);
        coir::detail::sim::set_current_world(nullptr);
    }
};

const char* name_of(SimOrder order) noexcept {
    switch (order) {
        case SimOrder::fifo:
            return "fifo";
        case SimOrder::uniform:
            return "uniform";
        case SimOrder::priorities:
            return "priorities";
        case SimOrder::starvation:
            return "starvation";
        case SimOrder::drawn:
            break;
    }
    return "drawn";
}

}  // namespace

void note(std::string_view text) {
    if (World* world = coir::detail::sim::current_world()) world->trace.say("note: " + std::string(text));
}

namespace detail {

SimResult simulate(const SimOptions& options, const std::function<void()>& program) {
    std::exception_ptr error;
    SimOptions traced = options;
    if (!traced.trace) traced.trace = coir::detail::sim::trace_from_environment();
    SimResult result = simulate(traced, program, error);
    if (error) std::rethrow_exception(error);
    return result;
}

SimResult simulate(const SimOptions& options, const std::function<void()>& program,
                   std::exception_ptr& error) {
    require_valid(options);
    const auto world = std::make_shared<World>(options);
    const TimePoint began = world->now();
    SimResult result;
    result.seed = options.seed;
    result.faults = world->faults;
    result.order = world->order.kind();
    {
        Inside inside(*world);
        try {
            program();
        } catch (...) {
            error = std::current_exception();
        }
        error = world->threads.finish(std::move(error));
    }
    if (!error && options.fail_on_reports && world->reported_errors > 0) {
        error = std::make_exception_ptr(std::runtime_error(
            "coir: simulate: errors that nobody has handled were reported, the first: " + world->first_report));
    }
    result.reactor = world->first_reactor();
    result.virtual_time = world->now() - began;
    result.open_descriptors = world->descriptors.open();
    result.open_processes = world->processes.left();
    result.reported_errors = world->reported_errors;
    world->choices.mix(static_cast<std::uint64_t>(result.virtual_time.count()));
    result.hash = world->choices.hash();
    result.choice_count = world->choices.made();
    result.call_count = world->calls;
    result.event_count = world->events_run;
    result.diverged = world->choices.diverged();
    result.choices = world->choices.take_log();
    return result;
}

std::unique_ptr<Reactor> make_reactor() {
    return coir::detail::sim::make_world_reactor(require_world("make_reactor").shared_from_this());
}

std::size_t start_thread(std::string name, std::function<void()> body) {
    return require_world("SimThread").threads.start(std::move(name), std::move(body));
}

void join_thread(std::size_t number) {
    if (World* world = coir::detail::sim::current_world()) world->threads.join(number);
}

bool thread_has_ended(std::size_t number) noexcept {
    const World* world = coir::detail::sim::current_world();
    return !world || world->threads.has_ended(number);
}

void require_simulation(const char* function) { static_cast<void>(require_world(function)); }

}  // namespace detail

// The clock goes on when nothing else can.
void run_until_idle() {
    detail::require_simulation("run_until_idle");
    sleep(std::chrono::nanoseconds(1));
}

std::uint64_t current_seed() { return require_world("current_seed").seed; }
const SimFaults& current_faults() { return require_world("current_faults").first_faults; }

std::uint32_t choose(std::uint32_t count) {
    World& world = require_world("choose");
    if (count == 0) throw std::invalid_argument("coir: choose: one of 0 was asked for; at least 1 is needed");
    return world.choices.pick(coir::detail::sim::Site::program, count);
}

std::string SimResult::to_string() const {
    char text[160];
    std::snprintf(text, sizeof text,
                  "seed %llu, hash %016llx, %llu choices, %llu calls, %llu events, %.6f s, order ",
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(hash),
                  static_cast<unsigned long long>(choice_count),
                  static_cast<unsigned long long>(call_count),
                  static_cast<unsigned long long>(event_count),
                  static_cast<double>(virtual_time.count()) / 1e9);
    return text + std::string(name_of(order)) +
           (reactor == SimReactor::io_uring ? ", io_uring" : "") + ", faults: " + faults.to_string();
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
