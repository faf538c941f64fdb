// SPDX-License-Identifier: BSL-1.0
// What the probes of locks share. Catch2's assertions are for one thread: what runs on other threads
// counts its violations.
#pragma once

#include "probes.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace legacy_test {

/// Ends the process when a case hangs.
class Watchdog {
public:
    Watchdog() : thread_([this] { watch(); }) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog() {
        over_ = true;
        thread_.join();
    }

private:
    void watch() const {
        const auto end = Clock::now() + at_most(20s);
        while (!over_) {
            ::poll(nullptr, 0, 5);
            if (Clock::now() < end) continue;
            std::fputs("the case hangs\n", stderr);
            std::_Exit(3);
        }
    }
    std::atomic<bool> over_{false};
    std::thread thread_;
};

/// Runs `count` tasks of `f` on the loop of this thread.
template <class F>
void run_tasks(int count, F f) {
    std::vector<coir::Task<void>> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(coir::create_task([&f] { f(); }));
    for (auto& task : tasks) coir::await(task);
}

/// Runs `f` as the main task of so many loops, each on a thread of its own.
template <class F>
void on_loops(int count, F f) {
    if (count == 1) return coir_test::run_in_loop(f);
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] { coir::run([&f] { f(); }, coir_test::options()); });
    }
    for (auto& thread : threads) thread.join();
}

/// A pthread mutex.
class OfKind {
public:
    explicit OfKind(int kind, int shared = PTHREAD_PROCESS_PRIVATE) {
        pthread_mutexattr_t attributes;
        ::pthread_mutexattr_init(&attributes);
        ::pthread_mutexattr_settype(&attributes, kind);
        ::pthread_mutexattr_setpshared(&attributes, shared);
        ::pthread_mutex_init(&mutex_, &attributes);
        ::pthread_mutexattr_destroy(&attributes);
    }
    OfKind(const OfKind&) = delete;
    OfKind& operator=(const OfKind&) = delete;
    ~OfKind() { ::pthread_mutex_destroy(&mutex_); }
    pthread_mutex_t* get() const { return &mutex_; }

private:
    mutable pthread_mutex_t mutex_;
};

}  // namespace legacy_test
