// SPDX-License-Identifier: BSL-1.0
// What libc keeps per thread and tasks have of their own: keys, the locale, h_errno. And
// COIR_DEBUG=locks, with regions in which no task may be suspended.
#include "lock_probes.hpp"

#include <coir/legacy.hpp>

#include <mutex>
#include <string>

#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <threads.h>

using namespace legacy_test;

namespace {

pthread_key_t key, other_key;
std::vector<std::string> destroyed;

void* number(long value) { return reinterpret_cast<void*>(value); }

}  // namespace

// Sanitizers keep under a key what they know of a thread.
#define COIR_NEEDS_KEYS() \
    if (COIR_ASAN || COIR_TSAN) COIR_SKIP("keys stay the thread's under a sanitizer")

TEST_CASE("B24: keys have a value per task, destroyed at its end on its fiber", "[legacy]") {
    COIR_NEEDS_KEYS();
    const Watchdog watchdog;
    destroyed.clear();
    REQUIRE(::pthread_key_create(&key, [](void* value) {
        ::usleep(1000);  // a fiber can wait
        destroyed.push_back(std::to_string(reinterpret_cast<long>(value)) + " in " +
                            coir::current_task().name());
    }) == 0);
    CHECK(::pthread_setspecific(key, number(100)) == 0);
    coir_test::run_in_loop([] {
        CHECK(::pthread_getspecific(key) == nullptr);
        CHECK(::pthread_setspecific(key, nullptr) == 0);
        std::vector<coir::Task<void>> tasks;
        for (long i = 1; i <= 20; ++i) {
            coir::TaskOptions options;
            options.name = "number " + std::to_string(i);
            tasks.push_back(coir::create_task(options, [i] {
                CHECK(::pthread_getspecific(key) == nullptr);
                CHECK(::pthread_setspecific(key, number(i)) == 0);
                ::usleep(1000);
                const coir::blocking_region region;
                CHECK(::pthread_getspecific(key) == number(i));
            }));
        }
        for (auto& task : tasks) coir::await(task);
        REQUIRE(destroyed.size() == 20);
        for (long i = 1; i <= 20; ++i) {
            const std::string text = std::to_string(i);
            CHECK(std::find(destroyed.begin(), destroyed.end(), text + " in number " + text) !=
                  destroyed.end());
        }
        // A callback of the loop is the thread's.
        void* seen = nullptr;
        coir::get_running_loop().call_soon([&] { seen = ::pthread_getspecific(key); });
        ::usleep(1000);
        CHECK(seen == number(100));
    });
    CHECK(::pthread_getspecific(key) == number(100));
    CHECK(::pthread_setspecific(key, nullptr) == 0);
    CHECK(::pthread_key_delete(key) == 0);
}

TEST_CASE("destructors that set values have so many rounds", "[legacy]") {
    COIR_NEEDS_KEYS();
    static int rounds;
    rounds = 0;
    REQUIRE(::pthread_key_create(&key, [](void* value) {
        ++rounds;
        ::pthread_setspecific(key, value);
    }) == 0);
    REQUIRE(::pthread_key_create(&other_key, nullptr) == 0);
    coir_test::run_in_loop([] {
        coir::await(coir::create_task([] {
            CHECK(::pthread_setspecific(key, number(1)) == 0);
            CHECK(::pthread_setspecific(other_key, number(1)) == 0);
        }));
        CHECK(rounds == PTHREAD_DESTRUCTOR_ITERATIONS);
        // A key that is deleted: its values are nobody's, and not those of a new key of its number.
        CHECK(::pthread_setspecific(other_key, number(2)) == 0);
        const pthread_key_t old = other_key;
        CHECK(::pthread_key_delete(other_key) == 0);
        CHECK(::pthread_setspecific(old, number(2)) == EINVAL);
        CHECK(::pthread_getspecific(old) == nullptr);
        REQUIRE(::pthread_key_create(&other_key, nullptr) == 0);
        CHECK(::pthread_getspecific(other_key) == nullptr);
        CHECK(::pthread_setspecific(1'000'000, number(1)) == EINVAL);
    });
    ::pthread_key_delete(other_key);
    ::pthread_key_delete(key);
}

TEST_CASE("tss of C11 is the task's", "[legacy]") {
    COIR_NEEDS_KEYS();
    static int destroyed_values;
    destroyed_values = 0;
    tss_t tss;
    REQUIRE(::tss_create(&tss, [](void*) { ++destroyed_values; }) == thrd_success);
    coir_test::run_in_loop([&] {
        run_tasks(3, [&] {
            int mine = 0;
            CHECK(::tss_get(tss) == nullptr);
            CHECK(::tss_set(tss, &mine) == thrd_success);
            ::usleep(1000);
            CHECK(::tss_get(tss) == &mine);
        });
    });
    CHECK(destroyed_values == 3);
    ::tss_delete(tss);
}

TEST_CASE("B24: the error queue of OpenSSL is the task's", "[legacy][loads]") {
    COIR_NEEDS_KEYS();
    void* crypto = ::dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!crypto) COIR_SKIP("libcrypto.so.3 is not there");
    const auto put = reinterpret_cast<void (*)(int, int, const char*, ...)>(
        ::dlsym(crypto, "ERR_set_error"));
    const auto begin = reinterpret_cast<void (*)()>(::dlsym(crypto, "ERR_new"));
    const auto take = reinterpret_cast<unsigned long (*)()>(::dlsym(crypto, "ERR_get_error"));
    REQUIRE(put);
    REQUIRE(begin);
    REQUIRE(take);
    coir_test::run_in_loop([&] {
        std::atomic<int> numbers{0};
        run_tasks(20, [&] {
            const int mine = ++numbers;
            begin();
            put(128, mine, nullptr);
            ::usleep(1000);
            CHECK((take() & 0x7fffff) == static_cast<unsigned long>(mine));
            CHECK(take() == 0);
        });
    });
}

TEST_CASE("uselocale() is the task's", "[legacy]") {
    COIR_NEEDS_KEYS();
    const locale_t c = ::newlocale(LC_ALL_MASK, "C", nullptr);
    const locale_t utf8 = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
    REQUIRE(c);
    if (!utf8) COIR_SKIP("C.UTF-8 is not there");
    const locale_t thread_locale = ::uselocale(nullptr);
    coir_test::run_in_loop([&] {
        std::atomic<int> numbers{0};
        const auto own = [&] {
            const int number = numbers++;
            const locale_t mine = number % 2 == 0 ? c : utf8;
            CHECK(::uselocale(nullptr) == thread_locale);
            CHECK(::uselocale(mine) == thread_locale);
            for (int i = 0; i < 3; ++i) {
                ::usleep(500);
                CHECK(::uselocale(nullptr) == mine);
                coir::yield_now();
                CHECK(::uselocale(nullptr) == mine);
            }
            if (number % 3 == 0) {
                CHECK(::uselocale(thread_locale) == mine);
                ::usleep(500);
                CHECK(::uselocale(nullptr) == thread_locale);
            }
        };
        const auto without = [&] {
            for (int i = 0; i < 10; ++i) {
                CHECK(::uselocale(nullptr) == thread_locale);
                ::usleep(200);
            }
        };
        auto plain = coir::create_task(without);
        run_tasks(8, own);
        coir::await(plain);
        CHECK(::uselocale(nullptr) == thread_locale);
        run_tasks(2, own);
    });
    CHECK(::uselocale(nullptr) == thread_locale);
    ::freelocale(c);
    ::freelocale(utf8);
}

TEST_CASE("B24: h_errno is the task's", "[legacy]") {
    COIR_NEEDS_KEYS();
    h_errno = 77;
    coir_test::run_in_loop([] {
        int numbers = 0;
        run_tasks(3, [&] {
            const int mine = ++numbers;
            h_errno = mine;
            ::usleep(1000);
            CHECK(h_errno == mine);
        });
    });
    CHECK(h_errno == 77);
}

TEST_CASE("no_suspend: libc's calls block, and other tasks do not run", "[legacy]") {
    coir_test::run_in_loop([] {
        const Turns turns;
        coir::sleep(3ms);
        const int before = turns.count();
        {
            const coir::no_suspend region;
            ::usleep(5000);
            CHECK(turns.count() == before);
        }
        ::usleep(5000);
        CHECK(turns.count() > before);
    });
}

TEST_CASE("B25: COIR_DEBUG=locks: a task that is suspended with a lock is named", "[legacy][debug-locks]") {
    const char* debug = std::getenv("COIR_DEBUG");
    if (!debug || std::string(debug) != "locks") COIR_SKIP("COIR_DEBUG is not locks");
    coir_test::LogCapture log;
    coir_test::run_in_loop([&] {
        coir::TaskOptions options;
        options.name = "careless";
        coir::await(coir::create_task(options, [&] {
            std::mutex mutex;
            std::recursive_mutex recursive;
            {
                const std::lock_guard lock(mutex);
            }
            ::usleep(100);
            CHECK(log.count("holds the lock") == 0);
            const std::lock_guard lock(mutex);
            ::usleep(100);
            char text[32];
            std::snprintf(text, sizeof text, "%p", static_cast<void*>(&mutex));
            CHECK(log.count("holds the lock") == 1);
            CHECK(log.contains("task 'careless' is suspended (usleep) and holds the lock at " +
                               std::string(text)));
            ::usleep(100);
            CHECK(log.count("holds the lock") == 1);
            {
                const std::lock_guard both(recursive);
                coir::yield_now();
            }
            CHECK(log.count("holds the lock") == 2);
            CHECK(log.contains("for its turn"));
            coir::yield_now();
        }));
    });
    CHECK(log.count("holds the lock") == 2);
    INFO(log.text());
}
