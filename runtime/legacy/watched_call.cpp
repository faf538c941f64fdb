// SPDX-License-Identifier: BSL-1.0
// See watched_call.hpp. Whether the thread has waited is told by the kernel's count of the times that
// it gave up its processor, so that a busy machine is not taken for a call that blocks.
#include "watched_call.hpp"

#include <coir/detail/sys.hpp>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <new>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>

namespace coir_legacy {

constinit bool watching_calls = false;

namespace {

using coir::detail::real_sys;

// Shorter waits of calls that were taken over, and of callbacks, are not worth a line.
constexpr std::int64_t worth_a_line = 1'000'000;

constinit bool watching_descriptors = false;
constinit bool watching_passthrough = false;

// Of this thread: how often one of its tasks was left, and whether a line is being written.
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned tasks_left = 0;
[[gnu::tls_model("initial-exec")]] constinit thread_local bool saying = false;

std::int64_t now() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

long waits_of_thread() noexcept {
    rusage usage{};
    real_sys()(SYS_getrusage, RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

// What was said: calls are told apart by function, place and kind of line. Never full in a sane
// program; then nothing more is said.
constexpr std::size_t room = 2048;
constinit std::atomic<std::uintptr_t> said[room];

bool is_first(const char* name, const void* caller, unsigned kind) noexcept {
    const auto key = (reinterpret_cast<std::uintptr_t>(name) * 31 + reinterpret_cast<std::uintptr_t>(caller)) * 31 + kind + 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15u) >> 53;
    for (std::size_t tries = 0; tries < room; ++tries, at = (at + 1) % room) {
        std::uintptr_t there = said[at].load(std::memory_order_relaxed);
        if (there == key) return false;
        if (there == 0 && said[at].compare_exchange_strong(there, key)) return true;
        if (there == key) return false;
    }
    return false;
}

std::string kind_of(int fd) {
    struct stat status {};
    if (fd < 0 || real_sys()(SYS_fstat, fd, &status) != 0) return {};
    const std::string which = "descriptor " + std::to_string(fd) + " is ";
    if (S_ISREG(status.st_mode)) return which + "a regular file (COIR_LEGACY=all,files, or to_thread)";
    if (S_ISDIR(status.st_mode)) return which + "a folder";
    if (S_ISBLK(status.st_mode)) return which + "a disk";
    return {};
}

std::string reason(Why why, const char* word, int fd) {
    switch (why) {
        case Why::left_out: return std::string("COIR_LEGACY leaves out ") + word;
        case Why::in_region: return "it is in a coir::blocking_region or coir::no_suspend";
        case Why::in_handler:
        case Why::in_child: return "this is the child of a fork, in its parent's loop";
        case Why::outside: return "only tasks can be suspended";
        case Why::taken_over: break;
    }
    const std::string kind = kind_of(fd);
    return kind.empty() ? "there was no way to wait for it as a task does" : kind;
}

std::string in_milliseconds(std::int64_t took) {
    const std::int64_t tenths = took / 100'000;
    return std::to_string(tenths / 10) + (tenths < 1000 ? "." + std::to_string(tenths % 10) : "") + " ms";
}

}  // namespace

void watch_calls() noexcept {
    watching_descriptors = hooks::watches_descriptors();
    watching_passthrough = hooks::watches_calls();
    watching_calls = watching_descriptors || watching_passthrough;
}

namespace {

void say(const WatchedLine& line) noexcept {
    saying = true;
    try {
        const bool blocked = line.took != 0;
        hooks::warn_of_call("called " + std::string(line.name) + ", which " +
                                (blocked ? "blocked the thread for " + in_milliseconds(line.took) : "can block the thread") +
                                ": " + reason(line.why, line.word, line.fd),
                            line.caller);
    } catch (const std::bad_alloc&) {
        // Then it is not said.
    }
    saying = false;
}

// Of a lock that has just been taken: the log handler may want the same one.
[[gnu::tls_model("initial-exec")]] constinit thread_local WatchedLine kept_back{};

void say_what_was_kept_back() noexcept {
    if (!kept_back.name || saying) [[likely]] return;
    const WatchedLine line = kept_back;
    kept_back.name = nullptr;
    say(line);
}

bool is_lock(const char* word) noexcept { return *word == 'l'; }

void task_is_left(void*) noexcept {
    ++tasks_left;
    say_what_was_kept_back();
}

void watch_switches_here() noexcept {
    if (hooks::has_switch_hook(&watching_calls)) return;
    static_cast<void>(hooks::add_switch_hook(&task_is_left, nullptr, &watching_calls));
}

}  // namespace

WatchedCall::WatchedCall(const char* name, const char* word, int fd, Why why, const void* caller) noexcept
    : line_{name, word, fd, why, caller} {
    if (saying || why == Why::in_handler || !hooks::loop_here()) return;
    const int before = errno;
    if (watching_descriptors && fd >= 0 && why != Why::outside) hooks::note_descriptor(fd);
    on_ = watching_passthrough;
    if (!on_) return;
    watch_switches_here();
    if (!is_lock(word)) say_what_was_kept_back();
    left_ = tasks_left;
    waits_ = waits_of_thread();
    began_ = now();
    errno = before;
}

WatchedCall::~WatchedCall() {
    if (!on_) [[likely]] return;
    const int result = errno;
    const std::int64_t took = now() - began_;
    const bool long_wait = took >= worth_a_line && tasks_left == left_ && waits_of_thread() != waits_;
    see_to(long_wait ? took : 0);
    errno = result;
}

// What was passed on in a task is worth a line although it did not block this time.
void WatchedCall::see_to(std::int64_t took) const noexcept {
    const bool passed_on = line_.why != Why::outside && line_.why != Why::taken_over && !is_lock(line_.word);
    if (took == 0 && !passed_on) return;
    if (!is_first(line_.name, line_.caller, static_cast<unsigned>(line_.why) * 2 + (took != 0 ? 1 : 0))) return;
    WatchedLine line = line_;
    line.took = took;
    if (!is_lock(line.word)) return say(line);
    kept_back = line;
}

}  // namespace coir_legacy
