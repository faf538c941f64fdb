// SPDX-License-Identifier: BSL-1.0
// The scenario rpc: a server that does something for each request, in a task with a time limit.
#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/scenarios.hpp"

#include "raw/rpc.hpp"
#include "support/clock.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/lock.hpp>
#include <coir/task.hpp>
#include <coir/timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_tool {
namespace {

using coir_bench::Transport;

// What is done for a request: about a microsecond of computing, then one time a note in a list that
// all share, the other time a turn for the others.
template <class Mutex>
class Service {
public:
    // Returns whether a turn for the others is due.
    bool handle(std::string_view request) {
        const std::size_t digest = digest_of(request);
        const std::uint64_t number = requests_.fetch_add(1, std::memory_order_relaxed);
        if (number % 2 == 0) return true;
        note(digest);
        return false;
    }

private:
    static std::size_t digest_of(std::string_view request) {
        std::size_t digest = 0;
        for (int pass = 0; pass < 64; ++pass) {
            digest = digest * 31 + std::hash<std::string_view>()(request.substr(0, 64));
        }
        coir_bench::keep(digest);
        return digest;
    }
    void note(std::size_t digest) {
        constexpr std::size_t most = 64;
        const std::lock_guard guard(mutex_);
        latest_.push_back(digest);
        if (latest_.size() > most) latest_.pop_front();
    }

    std::atomic<std::uint64_t> requests_ = 0;
    Mutex mutex_;
    std::deque<std::size_t> latest_;
};

void answer_all(coir::Stream& client, Service<coir::Lock>& service, std::size_t size) {
    std::string request(size, '\0');
    try {
        for (;;) {
            client.read_exactly(request);
            coir::await(coir::create_task([&] {
                coir::with_timeout(std::chrono::nanoseconds(coir_bench::kRequestLimitNs), [&] {
                    if (service.handle(request)) coir::sleep(std::chrono::seconds(0));
                });
            }));
            client.write(request);
        }
    } catch (const coir::IoError&) {
        // The load ends its connections by resetting them.
    } catch (const coir::IncompleteReadError&) {
    }
}

void answer_all_blocking(int client, Service<std::mutex>& service, std::size_t size) {
    std::string request(size, '\0');
    while (::recv(client, request.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size)) {
        if (service.handle(request)) ::sched_yield();
        if (!send_all(client, request)) break;
    }
    ::close(client);
}

// Of one thread.
struct NoMutex {
    void lock() {}
    void unlock() {}
};

constexpr RawLoops<void(int, std::size_t, const coir_bench::RequestWork&)> raw_services{
    coir_bench::serve_requests_epoll, coir_bench::serve_requests_uring,
    coir_bench::serve_requests_poll};

[[noreturn]] void serve_raw(const std::string& name, std::size_t size, const Ready& ready) {
    if (name == threads_baseline) {
        Service<std::mutex> service;
        serve_with_threads([&](int client) { answer_all_blocking(client, service, size); }, ready);
    }
    const coir_bench::BoundSocket bound = coir_bench::open_server(Transport::Tcp);
    ready(bound.endpoint.number);
    Service<NoMutex> service;
    const coir_bench::RequestWork work = [&](std::string_view request) {
        return service.handle(request);
    };
    raw_services.named(name)(bound.socket.get(), size, work);
    std::abort();  // they serve until this process is killed
}

void serve(const Subject& subject, std::size_t size, const Ready& ready) {
    if (subject.kind == Subject::Kind::baseline) serve_raw(subject.name, size, ready);
    Service<coir::Lock> service;
    serve_streams(
        subject.name, [&](coir::Stream& client) { answer_all(client, service, size); }, ready);
}

}  // namespace

Workload rpc_workload(const ServedPlan& plan) {
    Workload workload = served_workload(
        "rpc",
        "TCP, for each request a task with a timeout that computes, and sleeps or takes a lock; " +
            messages_phrase(plan.size),
        plan, [plan](const Subject& subject) {
            Served served;
            served.serve = [=](const Ready& ready) { serve(subject, plan.size, ready); };
            served.connect = [=](int where) {
                return closed_loop(echo_load_plan(plan, {Transport::Tcp, where}), plan.ring_load);
            };
            return served;
        });
    workload.baselines = all_baselines();
    return workload;
}

}  // namespace coir_tool
