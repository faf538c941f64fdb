// SPDX-License-Identifier: BSL-1.0
// See crowd.hpp.
#include "crowd.hpp"

#include <coir/coir.h>
#include <coir/coir.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <csignal>
#include <sys/resource.h>

namespace crowd {
namespace {

using namespace std::chrono_literals;

struct Jobs {
    const Client& client;
    std::vector<std::string> results;
    std::atomic<int> failures{0};

    void run(int number) {
        try {
            results[static_cast<std::size_t>(number)] = client.job(number);
        } catch (const std::exception& error) {
            if (failures++ < 5) std::fprintf(stderr, "%s %d: %s\n", client.name, number, error.what());
        }
    }
};

long threads_now() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
}

void one_by_one(Jobs& jobs, int count) {
    for (int i = 0; i < count; ++i) jobs.run(i);
}

void in_threads(Jobs& jobs, int count) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&jobs, i] { jobs.run(i); });
    for (std::thread& thread : threads) thread.join();
}

// Returns the largest number of kernel threads that was seen.
long in_tasks(Jobs& jobs, int count, const std::string& reactor) {
    coir::RunOptions options;
    options.reactor = reactor;
    return coir::run([&] {
        long most = threads_now();
        bool stop = false;
        auto watcher = coir::create_task([&] {
            while (!stop) {
                most = std::max(most, threads_now());
                coir::sleep(20ms);
            }
        });
        std::vector<coir::Task<void>> tasks;
        for (int i = 0; i < count; ++i) {
            tasks.push_back(coir::create_task([&jobs, i] { jobs.run(i); }));
        }
        for (auto& task : tasks) coir::await(task);
        stop = true;
        coir::await(watcher);
        return most;
    }, options);
}

// By the interface for C, as a program would that cannot be linked anew.
void patch(const std::string& patterns) {
    std::istringstream list(patterns);
    for (std::string pattern; std::getline(list, pattern, ',');) {
        if (coir_patch_library(pattern.c_str(), COIR_ALL) < 0) {
            throw std::runtime_error("cannot patch " + pattern);
        }
    }
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// FNV-1a over the first results.
unsigned long digest(const std::vector<std::string>& results, std::size_t head) {
    unsigned long hash = 14695981039346656037UL;
    for (std::size_t i = 0; i < std::min(head, results.size()); ++i) {
        for (const char c : results[i] + '\n') {
            hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211UL;
        }
    }
    return hash;
}

int run(int argc, char** argv, const Client& client) {
    const std::string mode = argc > 1 ? argv[1] : "";
    const int usual = client.count / std::stoi(option(argc, argv, "divisor", "1"));
    const int count = std::stoi(option(argc, argv, "count", std::to_string(usual)));
    const auto head = static_cast<std::size_t>(std::stoul(option(argc, argv, "head", "5")));
    const std::string reactor = option(argc, argv, "reactor", "auto");
    patch(option(argc, argv, "patch", ""));
    if (client.start) client.start();
    Jobs jobs{client, std::vector<std::string>(static_cast<std::size_t>(count))};
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    long threads = 1;
    if (mode == "serial") {
        one_by_one(jobs, count);
    } else if (mode == "threads") {
        in_threads(jobs, count);
        threads += count;
    } else if (mode == "tasks") {
        threads = in_tasks(jobs, count, reactor);
    } else {
        throw std::runtime_error("the mode must be serial, threads or tasks");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("{\"client\": \"%s\", \"mode\": \"%s\", \"reactor\": \"%s\", \"count\": %d, "
                "\"failures\": %d, \"seconds\": %.6f, \"cpu\": %.6f, \"threads\": %ld, "
                "\"rss_mb\": %ld, \"head\": \"%lx\"}\n",
                client.name, mode.c_str(), mode == "tasks" ? reactor.c_str() : "-", count,
                jobs.failures.load(), took.count(), cpu_seconds() - cpu_before, threads,
                usage.ru_maxrss / 1024, digest(jobs.results, head));
    return 0;
}

}  // namespace

std::string port_from(const char* variable) {
    const char* value = std::getenv(variable);
    if (!value) throw std::runtime_error(std::string(variable) + " is not set");
    return value;
}

std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise) {
    for (int i = 2; i + 1 < argc; i += 2) {
        if (argv[i] == "--" + name) return argv[i + 1];
    }
    return otherwise;
}

int main(int argc, char** argv, const Client& client) {
    std::signal(SIGPIPE, SIG_IGN);  // as servers and clients of TLS want it
    try {
        return run(argc, argv, client);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", client.name, error.what());
        return 2;
    }
}

}  // namespace crowd
