// SPDX-License-Identifier: BSL-1.0
// What the C++ library makes of threads: std::thread, thread_local objects, exceptions in flight
// while others run, futures. It prints what it sees: natively and as tasks it must be the same.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>

using namespace std::chrono_literals;

namespace {

std::atomic<int> made{0}, destroyed{0};

struct Counted {
    Counted() { ++made; }
    ~Counted() { ++destroyed; }
    std::string text = "fresh";
};
thread_local Counted counted;
thread_local std::vector<int> numbers;

void objects() {
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < 20; ++i) {
        threads.emplace_back([i, &right] {
            const bool fresh = counted.text == "fresh" && numbers.empty();
            counted.text = std::to_string(i);
            for (int k = 0; k < 10; ++k) {
                numbers.push_back(i * k);
                std::this_thread::sleep_for(200us);
            }
            if (fresh && counted.text == std::to_string(i) && numbers.back() == i * 9) ++right;
        });
    }
    for (auto& thread : threads) thread.join();
    std::printf("thread_local objects: %d right, %d made, %d destroyed\n", right.load(),
                made.load(), destroyed.load());
}

// Each has an exception caught, and one in flight, while the others have theirs.
void exceptions() {
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i) {
        threads.emplace_back([i, &right] {
            struct Sleeper {
                ~Sleeper() { std::this_thread::sleep_for(1ms); }
            };
            try {
                try {
                    const Sleeper sleeper;
                    throw std::runtime_error(std::to_string(i));
                } catch (...) {
                    std::this_thread::sleep_for(1ms);
                    if (std::uncaught_exceptions() != 0) return;
                    throw;
                }
            } catch (const std::runtime_error& error) {
                std::this_thread::sleep_for(1ms);
                if (error.what() == std::to_string(i)) ++right;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    std::printf("exceptions: %d right\n", right.load());
}

void waits() {
    auto later = std::async(std::launch::async, [] {
        std::this_thread::sleep_for(5ms);
        return 11;
    });
    std::promise<int> promise;
    std::thread keeper([&] { promise.set_value(later.get() + 1); });
    std::printf("future: %d\n", promise.get_future().get());
    keeper.join();
    auto failing =
        std::async(std::launch::async, []() -> int { throw std::logic_error("as meant"); });
    try {
        failing.get();
    } catch (const std::logic_error& error) {
        std::printf("failure: %s\n", error.what());
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::recursive_mutex recursive;
    std::shared_mutex shared;
    int turn = 0, readers = 0, most = 0;
    long sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 10; ++i) {
        threads.emplace_back([&, i] {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return turn == i; });
            ++turn;
            changed.notify_all();
            lock.unlock();
            {
                const std::scoped_lock once(recursive);
                const std::scoped_lock twice(recursive);
                std::this_thread::sleep_for(200us);
                sum += i;
            }
            const std::shared_lock reading(shared);
            most = std::max(most, ++readers);
            std::this_thread::sleep_for(2ms);
            --readers;
        });
    }
    for (auto& thread : threads) thread.join();
    std::printf("turns: %d, sum: %ld, readers at once: %d\n", turn, sum, most > 1);
    std::atomic<int> flag{0};
    std::thread waiter([&] {
        flag.wait(0);
        flag = 2;
        flag.notify_all();
    });
    flag = 1;
    flag.notify_all();
    flag.wait(1);
    waiter.join();
    std::printf("atomic: %d\n", flag.load());
}

// Variables of a library that is loaded while threads run.
void plugin(const char* path) {
    std::atomic<int> right{0};
    std::mutex mutex;
    std::condition_variable changed;
    int (*count)(int) = nullptr;
    std::vector<std::thread> threads;
    for (int i = 0; i < 10; ++i) {
        threads.emplace_back([&, i] {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return count != nullptr; });
            lock.unlock();
            const int first = count(i);
            std::this_thread::sleep_for(1ms);
            if (first == 1000 + i && count(1) == 1001 + i) ++right;
        });
    }
    std::this_thread::sleep_for(2ms);
    void* const library = ::dlopen(path, RTLD_NOW);
    if (!library) {
        std::printf("%s\n", ::dlerror());
        return;
    }
    std::unique_lock lock(mutex);
    count = reinterpret_cast<int (*)(int)>(::dlsym(library, "count_in_thread"));
    lock.unlock();
    changed.notify_all();
    for (auto& thread : threads) thread.join();
    std::printf("variables of a plugin: %d right\n", right.load());
}

// A stream has a lock of libc's, and an owner by its thread.
void output() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i) {
        threads.emplace_back([i] {
            ::flockfile(stdout);
            std::fputs("line ", stdout);
            std::this_thread::sleep_for(100us);
            std::fputs("after all\n", stdout);
            ::funlockfile(stdout);
            std::this_thread::sleep_for(std::chrono::microseconds(i));
        });
    }
    for (auto& thread : threads) thread.join();
}

}  // namespace

int main(int count, char** words) {
    objects();
    exceptions();
    waits();
    output();
    for (int i = 1; i < count; ++i) plugin(words[i]);
    std::fflush(stdout);
    // Main ends, the others go on, and the last one ends the process.
    std::thread([] {
        std::this_thread::sleep_for(20ms);
        std::puts("the last one");
        std::fflush(stdout);
    }).detach();
    ::pthread_exit(nullptr);
}
