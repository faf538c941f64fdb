// SPDX-License-Identifier: BSL-1.0
// What stacks hold, hide and survive.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/coir.hpp>

#include <algorithm>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

#include <execinfo.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/time.h>
#include <wordexp.h>

using coir_test::in_child;
using coir_test::run_on_sim;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t big_frame = 48 * 1024;

/// Such a frame is there, and neither part of its caller's nor used again by a call in a loop's guise.
void keep(const volatile char* frame) noexcept { __asm__ volatile("" : : "r"(frame) : "memory"); }

/// One frame that is larger than a guard of a page, and touched at its far end only.
[[gnu::noinline]] char touch_far() {
    volatile char frame[big_frame];
    keep(frame);
    frame[0] = 1;
    return frame[0];
}

std::uintptr_t here() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

[[gnu::noinline]] int go_down_to(std::size_t left, std::uintptr_t bottom) {
    volatile char frame[512];
    frame[0] = 1;
    if (here() - bottom < left) {
        return touch_far();
    }
    const int result = go_down_to(left, bottom);
    keep(frame);
    return result + frame[0];
}

constexpr char secret[] = "the secret that a task has left behind on its stack........";

[[gnu::noinline]] void leave_secret() {
    volatile char copies[4096];
    for (std::size_t i = 0; i < sizeof copies; ++i) copies[i] = secret[i % (sizeof secret - 1)];
    coir::yield_now();
}

/// Looks through what lies below this frame.
[[gnu::noinline, gnu::no_sanitize_address]] bool finds_secret() {
    const std::uintptr_t end = here();
    const std::string part = "task has left behind";
    for (std::uintptr_t at = end - 6000; at + part.size() < end; ++at) {
        std::size_t i = 0;
        while (i < part.size() && *reinterpret_cast<const volatile char*>(at + i) == part[i]) ++i;
        if (i == part.size()) return true;
    }
    return false;
}

[[maybe_unused]] bool secret_is_found(bool wipe) {
    coir::RunOptions options = coir_test::sim_options();
    options.wipe_stacks = wipe;
    return coir_test::run_in_loop(
        [] {
            bool found = false;
            for (int i = 0; i < 20; ++i) {
                coir::await(coir::create_task(&leave_secret));
                found = coir::await(coir::create_task(&finds_secret)) || found;
            }
            // And where one task begins as another ends.
            auto leaver = coir::create_task(&leave_secret);
            auto finder = coir::create_task([] {
                coir::yield_now();
                return finds_secret();
            });
            return coir::await(finder) || found;
        },
        options);
}

}  // namespace

#if !COIR_ASAN && !COIR_TSAN
TEST_CASE("B14: a frame of 48 KiB cannot step over the guard of a task's stack") {
    const auto ended = in_child([] {
        coir::run(
            [] {
                coir::TaskOptions options;
                options.name = "wide";
                auto task = coir::create_task(options, [] {
                    // The default stack: 256 KiB, of which 64 KiB are guard.
                    return go_down_to(16 * 1024, here() - (256 - 64) * 1024 + 4096);
                });
                coir::await(task);
            },
            coir_test::options());
    });
    CHECK(ended.died_by(SIGSEGV));
    CHECK(ended.errors.find("'wide'") != std::string::npos);
}

TEST_CASE("B17: a signal handler that overflows a task's stack is reported as that task's overflow") {
    const auto ended = in_child([] {
        struct sigaction action {};
        // Without SA_ONSTACK it runs on the stack of whoever is interrupted.
        action.sa_handler = [](int) {
            volatile char frame[16 * 1024];  // all that the stack has
            keep(frame);
            for (std::size_t i = 0; i < sizeof frame; i += 256) frame[i] = 1;
        };
        ::sigaction(SIGUSR1, &action, nullptr);
        coir::run(
            [] {
                coir::TaskOptions options;
                options.name = "interrupted";
                options.stack_size = 16 * 1024;
                coir::await(coir::create_task(options, [] { ::raise(SIGUSR1); }));
            },
            coir_test::options());
    });
    CHECK(ended.died_by(SIGSEGV));
    CHECK(ended.errors.find("'interrupted'") != std::string::npos);
}
#endif

TEST_CASE("B12: backtraces that are taken at any time end at the task's entry") {
    // Its signals come late, to whatever handler is there by then.
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind");
    static volatile std::sig_atomic_t taken;
    static volatile std::sig_atomic_t longest;
    taken = 0;
    longest = 0;
    void* frames[64];
    ::backtrace(frames, 64);  // loads libgcc, which a handler must not
    struct sigaction action {};
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    action.sa_handler = [](int) {
        void* found[64];
        const int count = ::backtrace(found, 64);
        if (count > longest) longest = count;
        taken = taken + 1;
    };
    struct sigaction before {};
    ::sigaction(SIGPROF, &action, &before);
    const itimerval often{{0, 100}, {0, 100}};
    ::setitimer(ITIMER_PROF, &often, nullptr);
    run_on_sim([] {
        const auto work = [] {
            for (int i = 0; i < 20'000 && taken < 200; ++i) {
                try {
                    coir::yield_now();
                    throw std::runtime_error("one of many");
                } catch (const std::runtime_error&) {
                    coir::yield_now();
                }
            }
        };
        coir::gather(work, work, work);
    });
    const itimerval never{};
    ::setitimer(ITIMER_PROF, &never, nullptr);
    ::sigaction(SIGPROF, &before, nullptr);
    CHECK(taken > 0);
    CHECK(longest < 64);
}

TEST_CASE("B18: what old code calls fits on a task's default stack") {
    if (COIR_ASAN) COIR_SKIP("AddressSanitizer makes the frames of std::regex several times as large");
    const auto hungry = [] {
        char text[64];
        std::snprintf(text, sizeof text, "%.40Lf", 3.14159265358979323846L);
        CHECK(std::string(text).substr(0, 4) == "3.14");
        std::ostringstream stream;
        stream << 1.5 << ' ' << true << std::hex << 255;
        CHECK(stream.str() == "1.5 1ff");
        CHECK(std::regex_match(std::string(200, 'a') + "b", std::regex("a+b")));
        addrinfo* list = nullptr;
        addrinfo hints{};
        hints.ai_flags = AI_NUMERICHOST;
        CHECK(::getaddrinfo("127.0.0.1", "80", &hints, &list) == 0);
        ::freeaddrinfo(list);
        passwd entry{};
        passwd* found = nullptr;
        std::string buffer(16 * 1024, '\0');
        CHECK(::getpwuid_r(0, &entry, buffer.data(), buffer.size(), &found) == 0);
        const std::time_t now = 86'400;
        std::tm parts{};
        CHECK(::gmtime_r(&now, &parts) != nullptr);
        CHECK(std::strftime(text, sizeof text, "%A %B", &parts) > 0);
        CHECK(std::setlocale(LC_ALL, nullptr) != nullptr);
        wordexp_t words{};
        CHECK(::wordexp("one two", &words, WRDE_NOCMD) == 0);
        ::wordfree(&words);
        std::string numbers;
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) numbers += line;
        CHECK(numbers.find("Name:") != std::string::npos);
        char* resolved = ::realpath("/proc/self/exe", nullptr);
        CHECK(resolved != nullptr);
        std::free(resolved);
        int unsorted[500];
        for (int i = 0; i < 500; ++i) unsorted[i] = (i * 7919) % 500;
        std::qsort(unsorted, 500, sizeof(int), [](const void* a, const void* b) {
            return *static_cast<const int*>(a) - *static_cast<const int*>(b);
        });
        CHECK(std::is_sorted(unsorted, unsorted + 500));
        try {
            throw std::runtime_error(std::string(1000, 'x'));
        } catch (const std::exception& error) {
            CHECK(std::strlen(error.what()) == 1000);
        }
    };
    run_on_sim([&] { coir::await(coir::create_task(hungry)); });
}

TEST_CASE("B19: huge pages are not used for stacks") {
    run_on_sim([] {
        coir::await(coir::create_task([] {
            const std::uintptr_t address = here();
            std::ifstream maps("/proc/self/smaps");
            bool inside = false;
            std::string flags;
            for (std::string line; std::getline(maps, line);) {
                std::uintptr_t begin = 0;
                std::uintptr_t end = 0;
                if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
                    inside = begin <= address && address < end;
                } else if (inside && line.rfind("VmFlags:", 0) == 0) {
                    flags = line + ' ';
                }
            }
            INFO(flags);
            CHECK(flags.find(" nh ") != std::string::npos);
        }));
    });
}

#if !COIR_ASAN && !COIR_TSAN
TEST_CASE("B20: with wipe_stacks a task finds nothing of another one's: S4") {
    // It looks where nobody may.
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind");
    CHECK(secret_is_found(false));  // or the test could not find anything
    CHECK_FALSE(secret_is_found(true));
}
#endif

#if COIR_ASAN
TEST_CASE("B21: AddressSanitizer sees a task that uses what has gone with its creator's frame") {
    const auto ended = in_child([] {
        coir::run(
            [] {
                coir::Task<int> task;
                {
                    volatile int local = 7;
                    task = coir::create_task([&local] { return local + 1; });
                }
                coir::await(task);
            },
            coir_test::options());
    });
    CHECK(ended.errors.find("stack-use-after-scope") != std::string::npos);
}
#endif
