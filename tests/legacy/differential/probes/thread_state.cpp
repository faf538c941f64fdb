// SPDX-License-Identifier: BSL-1.0
// What a thread has of its own: errno, keys, exceptions in flight, the locale.
#include "common.hpp"

#include <atomic>
#include <exception>
#include <stdexcept>
#include <vector>

#include <locale.h>
#include <pthread.h>
#include <threads.h>

using namespace differential;

namespace {

std::atomic<long> destroyed{0};
std::atomic<int> destructions{0};

void count(void* value) {
    destroyed += reinterpret_cast<long>(value);
    ++destructions;
}

void* value(long number) { return reinterpret_cast<void*>(number); }

}  // namespace

PROBE("every actor has its errno", "usleep", "read") {
    auto actor = [](int error) {
        for (int i = 0; i < 20; ++i) {
            errno = error;
            ::usleep(1000);
            if (errno != error) say("lost");
        }
    };
    Actor a = spawn([&] { actor(E2BIG); }), b = spawn([&] { actor(EDOM); });
    a.join();
    b.join();
    say("done");
}

PROBE("every actor has its exceptions", "usleep") {
    auto actor = [](int number) {
        for (int i = 0; i < 10; ++i) {
            try {
                try {
                    throw number;
                } catch (int) {
                    ::usleep(1000);
                    if (std::uncaught_exceptions() != 0) say("uncaught");
                    throw;
                }
            } catch (int caught) {
                if (caught != number) say("another one's");
            }
        }
    };
    Actor a = spawn([&] { actor(1); }), b = spawn([&] { actor(2); });
    a.join();
    b.join();
    say("done");
}

PROBE("waiting in destructors while an exception flies", "usleep") {
    struct Waits {
        ~Waits() {
            ::usleep(5000);
            say("uncaught: %d", std::uncaught_exceptions());
        }
    };
    Actor other = spawn([] {
        try {
            const Waits waits;
            throw std::runtime_error("no");
        } catch (const std::runtime_error&) {
            say("caught");
        }
    });
    Actor bystander = spawn([] { ::usleep(20'000); });
}

PROBE("every actor has its values of keys", "pthread_key_create", "pthread_getspecific",
      "pthread_setspecific") {
    pthread_key_t key;
    report_error("create", ::pthread_key_create(&key, nullptr));
    auto actor = [&](long number) {
        if (::pthread_getspecific(key) != nullptr) say("not empty");
        ::pthread_setspecific(key, value(number));
        for (int i = 0; i < 5; ++i) {
            pause_for(2ms);
            if (::pthread_getspecific(key) != value(number)) say("another one's");
        }
    };
    ::pthread_setspecific(key, value(9));
    Actor a = spawn([&] { actor(1); }), b = spawn([&] { actor(2); });
    a.join();
    b.join();
    say("mine: %d", ::pthread_getspecific(key) == value(9));
}

PROBE("values of keys are destroyed at the end", "pthread_key_create", "pthread_setspecific") {
    pthread_key_t key;
    ::pthread_key_create(&key, &count);
    for (long i = 1; i <= 3; ++i) {
        Actor actor = spawn([&] { ::pthread_setspecific(key, value(i)); });
        actor.join();
        say("%d: %ld", destructions.load(), destroyed.load());
    }
    Actor without = spawn([&] {
        ::pthread_setspecific(key, value(100));
        ::pthread_setspecific(key, nullptr);
    });
    without.join();
    say("%d: %ld", destructions.load(), destroyed.load());
}

PROBE("a destructor that sets its value again", "pthread_key_create", "pthread_setspecific") {
    static pthread_key_t key;
    ::pthread_key_create(&key, [](void* left) {
        ++destructions;
        const long number = reinterpret_cast<long>(left);
        if (number > 1) ::pthread_setspecific(key, value(number - 1));
    });
    Actor few = spawn([] { ::pthread_setspecific(key, value(3)); });
    few.join();
    say("%d", destructions.load());
    Actor many = spawn([] { ::pthread_setspecific(key, value(1000)); });
    many.join();
    say("%d", destructions.load());
}

PROBE("keys that are deleted", "pthread_key_create", "pthread_key_delete", "pthread_setspecific",
      "pthread_getspecific") {
    pthread_key_t key;
    ::pthread_key_create(&key, &count);
    Actor holder = spawn([&] {
        ::pthread_setspecific(key, value(5));
        pause_for(30ms);
    });
    pause_for(10ms);
    report_error("delete", ::pthread_key_delete(key));
    holder.join();
    say("destroyed: %d", destructions.load());
    report_error("again", ::pthread_key_delete(key));
    report_error("set", ::pthread_setspecific(key, value(1)));
    say("get: %d", ::pthread_getspecific(key) == nullptr);
    pthread_key_t fresh;
    ::pthread_key_create(&fresh, nullptr);
    say("empty: %d", ::pthread_getspecific(fresh) == nullptr);
}

PROBE("keys of C11", "tss_create", "tss_set", "tss_get", "tss_delete") {
    tss_t key;
    say("%d", ::tss_create(&key, &count) == thrd_success);
    Actor actor = spawn([&] {
        say("empty: %d", ::tss_get(key) == nullptr);
        ::tss_set(key, value(4));
        pause_for(5ms);
        say("%d", ::tss_get(key) == value(4));
    });
    actor.join();
    say("%d: %ld", destructions.load(), destroyed.load());
    ::tss_delete(key);
}

PROBE("every actor has its locale", "pthread_setspecific", "usleep") {
    const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    Actor other = spawn([&] {
        ::uselocale(plain);
        for (int i = 0; i < 5; ++i) {
            ::usleep(2000);
            if (::uselocale(nullptr) != plain) say("lost");
        }
    });
    for (int i = 0; i < 5; ++i) {
        ::usleep(2000);
        if (::uselocale(nullptr) != LC_GLOBAL_LOCALE) say("another one's");
    }
    other.join();
    say("done");
}

PROBE("many keys", "pthread_key_create", "pthread_setspecific", "pthread_getspecific",
      "pthread_key_delete") {
    std::vector<pthread_key_t> keys;
    pthread_key_t key;
    int error = 0;
    while (keys.size() < 2000 && (error = ::pthread_key_create(&key, nullptr)) == 0) {
        keys.push_back(key);
    }
    report_error("the end", error);
    say("hundreds: %d", keys.size() > 900);
    Actor actor = spawn([&] {
        long number = 0;
        for (const pthread_key_t one : keys) ::pthread_setspecific(one, value(++number));
        pause_for(5ms);
        long wrong = 0;
        number = 0;
        for (const pthread_key_t one : keys) wrong += ::pthread_getspecific(one) != value(++number);
        say("wrong: %ld", wrong);
    });
    actor.join();
    for (const pthread_key_t one : keys) ::pthread_key_delete(one);
}
