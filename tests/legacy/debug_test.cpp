// SPDX-License-Identifier: BSL-1.0
// What COIR_DEBUG finds of calls that block the thread all the same. The environment says what is on.
#include "probes.hpp"

#include <coir/legacy.hpp>
#include <coir/pipe.hpp>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>

using namespace legacy_test;

namespace {

void need_word(std::string_view word) {
    std::string words = std::string(",") + (std::getenv("COIR_DEBUG") ? std::getenv("COIR_DEBUG") : "");
    std::erase(words, ' ');
    if (words.find("," + std::string(word)) == std::string::npos) COIR_SKIP("COIR_DEBUG has no " + std::string(word));
}

coir::TaskOptions named(const char* name) {
    coir::TaskOptions options;
    options.name = name;
    return options;
}

// One place, however often and from where it is called.
[[gnu::noinline]] void sleep_in_region() {
    const coir::blocking_region region;
    ::usleep(3000);
}

// Blocks its thread for so long, out of the reach of anything that is replaced.
void block_in_region(std::chrono::milliseconds time) {
    const coir::blocking_region region;
    ::usleep(static_cast<useconds_t>(time.count() * 1000));
}

// A robust mutex cannot be waited for as a task does.
struct Robust {
    Robust() {
        pthread_mutexattr_t attributes;
        ::pthread_mutexattr_init(&attributes);
        ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        ::pthread_mutex_init(&mutex, &attributes);
        ::pthread_mutexattr_destroy(&attributes);
    }
    Robust(const Robust&) = delete;
    Robust& operator=(const Robust&) = delete;
    ~Robust() { ::pthread_mutex_destroy(&mutex); }
    pthread_mutex_t mutex;
};

}  // namespace

TEST_CASE("COIR_DEBUG=passthrough: calls that are passed on are said once for each place", "[legacy][passthrough]") {
    need_word("passthrough");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        coir::await(coir::create_task(named("stubborn"), [&] {
            ::usleep(2000);
            CHECK(log.count("called") == 0);  // it was suspended
            errno = EXFULL;
            for (int i = 0; i < 3; ++i) sleep_in_region();
            CHECK(errno == EXFULL);
        }));
        CHECK(log.count("called usleep") == 1);
        CHECK(log.contains("task 'stubborn' called usleep, which blocked the thread for "));
        CHECK(log.contains("coir::blocking_region"));
        CHECK(log.contains("; called at 0x"));
        const coir::no_suspend region;
        ::usleep(2000);
        CHECK(log.count("called usleep") == 2);
        ::poll(nullptr, 0, 0);
        CHECK(log.contains("called poll, which can block the thread"));
    });
}

TEST_CASE("B27: COIR_DEBUG=passthrough: callbacks of the loop that block it", "[legacy][passthrough]") {
    need_word("passthrough");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        coir::Event done;
        coir::get_running_loop().call_soon([&] {
            ::poll(nullptr, 0, 0);  // does not
            ::usleep(3000);
            done.set();
        });
        done.wait();
    });
    CHECK(log.count("a callback of the loop called usleep, which blocked the thread for ") == 1);
    CHECK(log.contains("only tasks can be suspended"));
    CHECK_FALSE(log.contains("called poll"));
    ::usleep(2000);  // there is no loop
    CHECK(log.count("called usleep") == 1);
}

TEST_CASE("B27: COIR_DEBUG=passthrough: calls that were taken over and block the thread all the same", "[legacy][passthrough]") {
    need_word("passthrough");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        Robust robust;
        std::atomic<bool> held{false};
        std::thread owner([&] {
            ::pthread_mutex_lock(&robust.mutex);
            held = true;
            std::this_thread::sleep_for(50ms);
            ::pthread_mutex_unlock(&robust.mutex);
        });
        while (!held) coir::sleep(1ms);
        CHECK(::pthread_mutex_lock(&robust.mutex) == 0);
        ::pthread_mutex_unlock(&robust.mutex);
        owner.join();
    });
    CHECK(log.contains("task 'main' called pthread_mutex_lock, which blocked the thread for "));
    CHECK(log.contains("there was no way to wait for it as a task does"));
}

TEST_CASE("COIR_DEBUG=passthrough: what COIR_LEGACY leaves out", "[left-out]") {
    need_word("passthrough");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] { ::usleep(2000); });
    CHECK(log.count("task 'main' called usleep, which blocked the thread for ") == 1);
    CHECK(log.contains("COIR_LEGACY leaves out sleep"));
}

TEST_CASE("COIR_DEBUG=fds: a descriptor that is closed while a task waits for it", "[legacy][fds]") {
    need_word("fds");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        int pair[2];
        REQUIRE(::pipe(pair) == 0);
        auto reader = coir::create_task(named("reader"), [&] {
            char byte;
            return ::read(pair[0], &byte, 1) == -1 ? errno : 0;
        });
        ::usleep(2000);
        CHECK_FALSE(log.contains("was closed while"));
        ::close(pair[0]);
        CHECK(coir::await(reader) == EBADF);
        ::close(pair[1]);
        CHECK(log.contains("descriptor " + std::to_string(pair[0]) + " was closed while task 'reader' waits for it (read)"));
    });
}

TEST_CASE("COIR_DEBUG=fds: numbers near the end of select(), where it is used", "[legacy][fds]") {
    need_word("fds");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        int pair[2];
        REQUIRE(::pipe(pair) == 0);
        const int low = ::fcntl(pair[0], F_DUPFD_CLOEXEC, 900);
        const int high = ::fcntl(pair[0], F_DUPFD_CLOEXEC, 970);
        if (high < 0) COIR_SKIP("there may not be so many descriptors");
        fd_set none;
        FD_ZERO(&none);
        timeval now{};
        CHECK(::select(0, &none, nullptr, nullptr, &now) == 0);  // so that this program uses it
        for (int i = 0; i < 2; ++i) CHECK(::write(pair[1], "xx", 2) == 2);
        char bytes[2];
        CHECK(::read(low, bytes, 2) == 2);
        CHECK_FALSE(log.contains("descriptors have reached"));
        for (int i = 0; i < 2; ++i) CHECK(::read(high, bytes, 1) == 1);
        for (const int fd : {pair[0], pair[1], low, high}) ::close(fd);
        CHECK(log.count("descriptors have reached " + std::to_string(high)) == 1);
        CHECK(log.contains(": from 1024 on select() and FD_SET() fail or end the program, and the program"));
    });
}

TEST_CASE("COIR_DEBUG=fds: what coir's own objects leave open at the end of a loop", "[legacy][fds]") {
    need_word("fds");
    coir_test::LogCapture log;
    int pair[2];
    REQUIRE(::pipe(pair) == 0);
    coir::Pipe kept;
    {
        coir::Runner runner(coir_test::options());
        runner.run([&] {
            const coir::Pipe closed = coir::Pipe::duplicate(pair[1]);
            kept = coir::Pipe::duplicate(pair[0]);
        });
        CHECK_FALSE(log.contains("at the end of the loop"));
        runner.close();
    }
    CHECK(log.count("at the end of the loop: 2 opened, 1 still open") == 1);
    CHECK(log.contains(": a pipe, made at 0x"));
    kept = {};
    {
        coir::Runner runner(coir_test::options());
        runner.run([] {});
        runner.close();
    }
    CHECK(log.count("at the end of the loop") == 1);  // one that had none has nothing to say
    for (const int fd : pair) ::close(fd);
}

TEST_CASE("B40: COIR_DEBUG=slow: a step that does not end is said while it lasts", "[legacy][slow]") {
    need_word("slow=");
    coir_test::LogCapture log;
    bool said_meanwhile = false;
    coir_test::run_in_loop([&] {
        auto stuck = coir::create_task(named("stuck"), [&] {
            const coir::blocking_region region;
            for (int i = 0; i < 500 && !said_meanwhile; ++i) {
                ::usleep(10'000);
                said_meanwhile = log.contains("a step of task 'stuck' has lasted");
            }
        });
        coir::await(stuck);
    });
    CHECK(said_meanwhile);
    CHECK(log.contains(" and goes on; it "));
    CHECK(log.contains("gdb -p "));
    CHECK(log.contains("; it was created at "));
    CHECK(log.contains("a step of task 'stuck' took "));  // and once more at its end
}

TEST_CASE("B40: COIR_DEBUG=slow: it names the call that blocks, and a step that computes", "[legacy][slow]") {
    need_word("slow=");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        coir::await(coir::create_task(named("blocks"), [] { block_in_region(300ms); }));
        coir::await(coir::create_task(named("computes"), [&] {
            const auto until = Clock::now() + 5s;
            while (Clock::now() < until && !log.contains("task 'computes' has lasted")) {
            }
        }));
        CHECK(log.contains("task 'computes' has lasted"));
        // A task that waits is no step.
        const std::size_t before = log.count("has lasted");
        coir::sleep(100ms);
        ::usleep(100'000);
        CHECK(log.count("has lasted") == before);
    });
    if (log.contains("the kernel does not say")) COIR_SKIP("/proc/self/task/*/syscall cannot be read here");
    INFO(log.text());
    CHECK(log.contains("and goes on; it waits in "));
    CHECK(log.contains("clock_nanosleep"));  // the kernel may have taken it up again under another name
}
