// SPDX-License-Identifier: BSL-1.0
// See self_test.hpp.
#include "self_test.hpp"

#include "libc_layout.hpp"
#include "refusal.hpp"
#include "thread_pointer.hpp"

#include <coir/detail/config.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <semaphore.h>

namespace coir_deep {
namespace {

thread_local int variable = 17;  // has an image

std::string library_of(void* from, const char* symbol) {
    Dl_info info{};
    void* const found = ::dlsym(from, symbol);
    if (!found || ::dladdr(found, &info) == 0 || !info.dli_fname) return "no library";
    const std::string path = info.dli_fname;
    return path.substr(path.rfind('/') + 1);
}

// Whose function the program gets, and whose stands behind it.
void expect_from(const char* library, void* from, const char* symbol) {
    const std::string found = library_of(from, symbol);
    if (found.rfind(library, 0) == 0) return;
    refuse(std::string(symbol) + "() is that of " + found + ", not of " + library +
           ": LD_PRELOAD must name libcoir-deep.so and then libcoir-legacy.so, and the program "
           "must not "
           "define it");
}

// What code of a library that was loaded later calls for the address of its variables.
struct VariableIndex {
    std::size_t module;
    std::size_t offset;
};
extern "C" void* __tls_get_addr(VariableIndex* index);

bool is_found_by_vector(const void* own) noexcept {
    const char* const first =
        static_cast<const char*>(thread_pointer()) + libc_layout.own_variables;
    VariableIndex index{libc_layout.own_module,
                        static_cast<std::size_t>(static_cast<const char*>(own) - first)};
    return __tls_get_addr(&index) == own;
}

struct Seen {
    pthread_t self = 0;
    const void* variable = nullptr;
    const void* error_number = nullptr;
    const void* key_value = nullptr;
    bool as_at_first = false;
    bool undisturbed = false;
    bool found = false;
};

struct Meeting {
    pthread_key_t key = 0;
    sem_t first, second;
    Seen seen[2];
};
Meeting meeting;

// The two take turns, so that each goes on where the other was in between.
void* visit(void* argument) {
    Seen& seen = *static_cast<Seen*>(argument);
    const bool is_first = &seen == &meeting.seen[0];
    seen.self = ::pthread_self();
    seen.as_at_first = variable == 17 && errno == 0 && !::pthread_getspecific(meeting.key);
    const int mark = is_first ? 1001 : 1002;
    variable = errno = mark;
    ::pthread_setspecific(meeting.key, &seen);
    ::sem_post(is_first ? &meeting.second : &meeting.first);
    ::sem_wait(is_first ? &meeting.first : &meeting.second);
    seen.variable = &variable;
    seen.found = is_found_by_vector(&variable);
    seen.error_number = &errno;
    seen.key_value = ::pthread_getspecific(meeting.key);
    seen.undisturbed = variable == mark && errno == mark && seen.key_value == &seen &&
                       ::pthread_equal(seen.self, ::pthread_self());
    return &seen;
}

}  // namespace

// A value that was set before main(), by a constructor.
void check_keys() {
    if (::pthread_getspecific(meeting.key) == &meeting) return;
    refuse(
        "COIR_LEGACY has the word keys, or is not set: here tasks have libc's own keys "
        "(coir run --threads-as-tasks sets it)");
}

// Without these words of COIR_LEGACY the first thread that waits would stop them all.
void check_words() {
    const char* const list = std::getenv("COIR_LEGACY");
    const std::string words = "," + std::string(list ? list : "") + ",";
    if (words.find(",all,") != std::string::npos) return;
    for (const char* word : {",io,", ",sleep,", ",locks,"}) {
        if (words.size() > 2 && words.find(word) == std::string::npos) {
            refuse(
                "COIR_LEGACY must have io, sleep and locks (coir run --threads-as-tasks sets it), "
                "it is '" +
                std::string(list) + "'");
        }
    }
}

void test_process() {
    if (COIR_ASAN || COIR_TSAN) refuse("sanitizers know the threads of libc only");
    check_libc_layout();
    check_words();
    for (const char* symbol :
         {"pthread_create", "pthread_join", "pthread_exit", "__libc_start_main", "read"}) {
        expect_from("libcoir-deep.so", RTLD_DEFAULT, symbol);
    }
    for (const char* symbol : {"pthread_mutex_lock", "sem_post", "syscall"}) {
        expect_from("libcoir-legacy.so", RTLD_DEFAULT, symbol);
    }
    for (const char* symbol : {"read", "poll", "nanosleep", "sem_wait"}) {
        expect_from("libcoir-legacy.so", RTLD_NEXT, symbol);
    }
    if (::pthread_key_create(&meeting.key, nullptr) != 0) refuse("there is no key left");
    ::pthread_setspecific(meeting.key, &meeting);
}

void test_threads() {
    check_keys();
    ::sem_init(&meeting.first, 0, 0);
    ::sem_init(&meeting.second, 0, 0);
    pthread_t threads[2] = {};
    for (int i = 0; i < 2; ++i) {
        // By the names that the program has for them.
        static const auto create =
            reinterpret_cast<decltype(&::pthread_create)>(::dlsym(RTLD_DEFAULT, "pthread_create"));
        if (const int error = create(&threads[i], nullptr, &visit, &meeting.seen[i])) {
            refuse(std::string("a thread cannot be made: ") + std::strerror(error));
        }
    }
    static const auto join =
        reinterpret_cast<decltype(&::pthread_join)>(::dlsym(RTLD_DEFAULT, "pthread_join"));
    for (int i = 0; i < 2; ++i) {
        void* result = nullptr;
        if (join(threads[i], &result) != 0 || result != &meeting.seen[i])
            refuse("a thread cannot be joined");
    }
    const Seen& a = meeting.seen[0];
    const Seen& b = meeting.seen[1];
    if (!a.as_at_first || !b.as_at_first)
        refuse("a new thread's variables are not as they are at first");
    if (a.self == b.self || a.variable == b.variable || a.error_number == b.error_number) {
        refuse("two threads have the same thread-locals");
    }
    if (!a.found || !b.found) refuse("thread-locals are not found by the dtv");
    if (!a.undisturbed || !b.undisturbed) refuse("two threads disturb each other's thread-locals");
    ::sem_destroy(&meeting.first);
    ::sem_destroy(&meeting.second);
    ::pthread_key_delete(meeting.key);
}

std::string describe_self_test() {
    return std::string("coir: threads can be tasks here (glibc ") + ::gnu_get_libc_version() +
           ", " + how_thread_pointers_are_set() + ")";
}

}  // namespace coir_deep
