// SPDX-License-Identifier: BSL-1.0
#include "loop_workload.hpp"

#include "measured_message.hpp"
#include "process_facts.hpp"
#include "syscall_count.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <coir/await.hpp>
#include <coir/fd.hpp>
#include <coir/run.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace coir_tool {

namespace {

std::int64_t process_cpu_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Of threads that have ended, too.
std::uint64_t process_switches() noexcept {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_nvcsw) + static_cast<std::uint64_t>(usage.ru_nivcsw);
}

std::uint64_t turns_of(const coir::EventLoop* loop) { return loop ? loop->metrics().turns : 0; }

}  // namespace

Stretch::Stretch(const coir::EventLoop* loop)
    : loop_(loop),
      begin_ns_(coir_bench::now_ns()),
      begin_cpu_ns_(process_cpu_ns()),
      begin_turns_(turns_of(loop)),
      begin_switches_(process_switches()),
      begin_calls_(traced_calls()) {}

double Stretch::elapsed_ns() const noexcept {
    return static_cast<double>(coir_bench::now_ns() - begin_ns_);
}

Measured Stretch::finish(double operations) const {
    const double calls = traced_calls() - begin_calls_;  // before those that follow here
    Measured measured;
    Sample& sample = measured.sample;
    sample.value = elapsed_ns() / operations;
    sample.syscalls_per_op = calls / operations;
    sample.operations = operations;
    sample.cpu_ns_per_op = static_cast<double>(process_cpu_ns() - begin_cpu_ns_) / operations;
    if (loop_) {
        sample.polls_per_op = static_cast<double>(turns_of(loop_) - begin_turns_) / operations;
    }
    sample.switches_per_op = static_cast<double>(process_switches() - begin_switches_) / operations;
    sample.rss_bytes = static_cast<double>(read_resident_bytes(::getpid()));
    return measured;
}

namespace {

std::vector<Measured> run_with_idle_connection(double seconds, const LoopBody& body) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    auto idle = coir::create_task([fd = pair[0]] { coir::wait_readable(fd); });
    coir::yield_now();
    std::vector<Measured> measured = body(seconds);
    static_cast<void>(::shutdown(pair[1], SHUT_WR));  // ends the wait
    coir::await(idle);
    ::close(pair[0]);
    ::close(pair[1]);
    return measured;
}

// An idle connection is registered, so that looking at the kernel is paid for.
std::vector<Measured> run_in_loop(const std::string& reactor, double seconds, const LoopBody& body) {
    coir::RunOptions options;
    options.reactor = reactor;
    return coir::run([&] { return run_with_idle_connection(seconds, body); }, options);
}

}  // namespace

Workload loop_workload(std::string scenario, std::string title, std::vector<CaseInfo> cases,
                       const LoopBody& body, const std::vector<BaselineBody>& baselines) {
    Workload workload;
    workload.scenario = std::move(scenario);
    workload.title = std::move(title);
    workload.cases = std::move(cases);
    for (const BaselineBody& baseline : baselines) workload.baselines.push_back(baseline.name);
    // For a child.
    const auto run = [=](const Subject& subject, double seconds) {
        coir_bench::pin_to_allowed_cpu(0);
        for (const BaselineBody& baseline : baselines) {
            if (subject.kind == Subject::Kind::baseline && baseline.name == subject.name) {
                return baseline.body(seconds);
            }
        }
        return run_in_loop(subject.name, seconds, body);
    };
    workload.measure = [run](InterruptWatch& interrupt, const Subject& subject, double seconds) {
        return measure_in_child(interrupt, seconds, [&] { return run(subject, seconds); });
    };
    workload.count_syscalls = [run](InterruptWatch& interrupt, const Subject& subject,
                                    double seconds) {
        return count_syscalls_in_child(interrupt, seconds, [&] { return run(subject, seconds); });
    };
    return workload;
}

}  // namespace coir_tool
