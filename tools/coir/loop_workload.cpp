// SPDX-License-Identifier: BSL-1.0
#include "loop_workload.hpp"

#include "child.hpp"

#include "support/clock.hpp"
#include "support/machine.hpp"

#include <coir/await.hpp>
#include <coir/fd.hpp>
#include <coir/run.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace coir_tool {

std::int64_t thread_cpu_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Stretch::Stretch()
    : loop_(coir::get_running_loop()),
      begin_ns_(coir_bench::now_ns()),
      begin_cpu_ns_(thread_cpu_ns()),
      begin_turns_(loop_.metrics().turns) {}

double Stretch::elapsed_ns() const noexcept {
    return static_cast<double>(coir_bench::now_ns() - begin_ns_);
}

Sample Stretch::finish(double operations) const {
    Sample sample;
    sample.value = elapsed_ns() / operations;
    sample.operations = operations;
    sample.cpu_ns_per_op = static_cast<double>(thread_cpu_ns() - begin_cpu_ns_) / operations;
    sample.polls_per_op = static_cast<double>(loop_.metrics().turns - begin_turns_) / operations;
    return sample;
}

void set_latency(Sample& sample, const coir_bench::Histogram& histogram) {
    sample.max_ns = static_cast<double>(histogram.max());
    // A quantile is the middle of a bucket, which may lie above the greatest value in it.
    sample.p50_ns = std::min(histogram.quantile(0.5), sample.max_ns);
    sample.p99_ns = std::min(histogram.quantile(0.99), sample.max_ns);
    sample.p999_ns = std::min(histogram.quantile(0.999), sample.max_ns);
}

std::chrono::milliseconds patience(double seconds) {
    return std::chrono::milliseconds(static_cast<long>(seconds * 3000) + 20'000);
}

std::string pack(const std::vector<Sample>& samples) {
    return {reinterpret_cast<const char*>(samples.data()), samples.size() * sizeof(Sample)};
}

std::vector<Sample> unpack(const std::string& message, std::size_t count) {
    if (message.size() != count * sizeof(Sample)) throw ChildFailure("it sent no whole result");
    std::vector<Sample> samples(count);
    std::memcpy(samples.data(), message.data(), message.size());
    return samples;
}

namespace {

std::vector<Sample> run_with_idle_connection(
    double seconds, const std::function<std::vector<Sample>(double)>& body) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    auto idle = coir::create_task([fd = pair[0]] { coir::wait_readable(fd); });
    coir::yield_now();
    const std::vector<Sample> samples = body(seconds);
    static_cast<void>(::shutdown(pair[1], SHUT_WR));  // ends the wait
    coir::await(idle);
    ::close(pair[0]);
    ::close(pair[1]);
    return samples;
}

}  // namespace

std::vector<Sample> measure_in_loop(InterruptWatch& interrupt, const std::string& reactor,
                                    double seconds,
                                    const std::function<std::vector<Sample>(double)>& body) {
    const std::string message = in_child(interrupt, patience(seconds), [&](Sender& sender) {
        coir_bench::pin_to_allowed_cpu(0);
        coir::RunOptions options;
        options.reactor = reactor;
        sender.send(
            pack(coir::run([&] { return run_with_idle_connection(seconds, body); }, options)));
    });
    return unpack(message, message.size() / sizeof(Sample));
}

}  // namespace coir_tool
