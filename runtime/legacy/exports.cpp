// SPDX-License-Identifier: BSL-1.0
// The exported functions, from the table in symbols.hpp.
//
// Each asks one question first: may what runs here be suspended? If not, it is a jump to the real
// function. The definitions have names of their own and get libc's by an assembler label, so that
// they need not agree with the declarations of libc's headers (noexcept, redirections), and so that
// calls within this library can never meet them.
#include "anywhere.hpp"
#include "fork.hpp"
#include "handlers.hpp"
#include "link_names.hpp"
#include "real.hpp"
#include "watched_call.hpp"
#include "wrappers.hpp"

#include "../calls/disk.hpp"
#include "../calls/in_task.hpp"
#include "../environment.hpp"

#include <coir/legacy.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include <cerrno>
#include <cstdlib>

#include <pthread.h>

namespace coir_legacy {

namespace hooks = coir::detail::legacy;
namespace in_task = coir::detail::calls::in_task;
using coir::detail::Scheduler;

namespace {

using coir::legacy::Calls;
constexpr unsigned bit(Calls group) noexcept { return static_cast<unsigned>(group); }

enum Category : unsigned {
    io = bit(Calls::io), sleep = bit(Calls::sleep), dns = bit(Calls::dns), life = 8,
    locks = bit(Calls::locks), keys = bit(Calls::keys), proc = bit(Calls::proc),
    stdio = bit(Calls::stdio), files = bit(Calls::files),
    // What concerns tasks whoever calls it: anywhere.hpp.
    all_words = bit(Calls::all),
    any_caller = 1u << 16, wakes = locks | any_caller, makes_keys = keys | any_caller
};

struct Word {
    std::string_view name;
    Category category;
};
// `coir audit` knows by it that a program has libcoir-legacy in it, stripped or not.
[[gnu::section(".coir_legacy"), gnu::used]] constexpr char mark[] = "libcoir-legacy";

constexpr Word words[] = {{"io", io},     {"sleep", sleep}, {"dns", dns},
                          {"proc", proc}, {"locks", locks}, {"keys", keys},
                          {"stdio", stdio}, {"files", files}, {"all", all_words}};

// What COIR_LEGACY allows; all but the last two until the constructor has read it. Sanitizers keep under a key what they
// know of a thread, and look there in tasks, too.
constexpr unsigned possible = COIR_ASAN || COIR_TSAN ? ~static_cast<unsigned>(keys) : ~0u;
constexpr unsigned optional = stdio | files;
constinit unsigned enabled = possible & ~optional;
// In the child of a fork only the calling task goes on, and its loop's kernel objects are shared
// with the parent: in that loop everything blocks as it does without coir. Loops that the child
// makes are as good as any.
constinit int process = 0;
constinit Scheduler* loop_of_parent = nullptr;

void before_fork() noexcept {
    lock_barriers();
    lock_initializers();
    lock_shards();
}

void in_parent() noexcept {
    unlock_shards();
    unlock_initializers();
    unlock_barriers();
}

void in_child() noexcept {
    forget_waiters();
    forget_initializers();
    in_parent();
    process = static_cast<int>(::getpid());
    if (Scheduler* loop = hooks::loop_here()) loop_of_parent = loop;
}

inline Scheduler* suspendable(Category category) noexcept {
    Scheduler* loop = hooks::suspendable();
    if (!loop) [[likely]] return nullptr;
    if ((enabled & category) == 0 || loop == loop_of_parent || in_handler()) return nullptr;
    return loop;
}

// For close(), which matters outside tasks too. A vfork child shares this memory, not the kernel
// objects' meaning: it must not touch them.
inline Scheduler* affected() noexcept {
    Scheduler* loop = hooks::loop_here();
    if (!loop || loop == loop_of_parent) [[likely]] return nullptr;
    if (hooks::sys(*loop)(SYS_getpid) != process) return nullptr;
    return loop;
}

// What a task has of its own it has in a blocking_region, too.
inline Scheduler* has_keys() noexcept {
    if (!hooks::task_slot()) [[likely]] return nullptr;
    return (enabled & keys) != 0 ? hooks::loop_here() : nullptr;
}

template <unsigned Kind>
inline Scheduler* applies() noexcept {
    if constexpr (Kind == life) {
        return affected();
    } else if constexpr (Kind == keys) {
        return has_keys();
    } else {
        return suspendable(static_cast<Category>(Kind));
    }
}

// The word of COIR_LEGACY that a category of the table belongs to.
constexpr const char* word_of(unsigned category) noexcept {
    for (const Word& word : words) {
        if (word.category != all_words && (word.category & category) != 0) return word.name.data();
    }
    return "";
}

// What is passed on and cannot wait, or is always passed on, is of no interest.
constexpr bool is_watched(unsigned category, std::string_view name) noexcept {
    constexpr unsigned waiting = io | sleep | dns | locks | proc | files;
    return (category & waiting) != 0 && can_wait(name);
}

Why why_passed_on(unsigned category) noexcept {
    if (!hooks::task_id()) return Why::outside;
    if (hooks::loop_here() == loop_of_parent) return Why::in_child;
    if (in_handler()) return Why::in_handler;
    return (enabled & category) == 0 ? Why::left_out : Why::in_region;
}

void refuse(const std::string_view word, const std::string_view list) {
    std::string allowed;
    for (const Word& known : words) {
        if (!allowed.empty()) allowed += ", ";
        allowed += known.name;
    }
    coir::detail::log(coir::LogLevel::warning,
                      "coir: COIR_LEGACY='" + std::string(list) + "': '" + std::string(word) +
                          "' is unknown and ignored; allowed is a list of " + allowed);
}

// A task that sleeps or reads with a lock of the thread's keeps whoever wants it from ever going on.
void warn_of_blocking_locks(const std::string_view list) {
    if ((enabled & locks) != 0 || (enabled & (io | sleep | dns | proc)) == 0) return;
    hooks::warn_with_loops("coir: COIR_LEGACY='" + std::string(list) +
                           "' leaves out locks: a task that waits with a mutex of libc's deadlocks with the "
                           "next one that wants it; add locks unless none is held where a task waits");
}

// A list of which nothing is understood is as good as none.
void enable_by_environment(const std::string_view all) {
    std::string_view list = all;
    unsigned named = 0;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view word = coir::detail::trimmed(list.substr(0, comma));
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
        const auto known = std::find_if(std::begin(words), std::end(words),
                                        [&](const Word& candidate) { return candidate.name == word; });
        if (known == std::end(words)) {
            refuse(word, all);
        } else {
            named |= known->category;
        }
    }
    if (named == 0) return;
    enabled = life | (named & possible);
    warn_of_blocking_locks(all);
}

void tell_what_is_enabled() noexcept {
    coir::detail::calls::use_threads_for_files((enabled & files) != 0);
}

[[gnu::constructor]] void load() {
    process = static_cast<int>(::getpid());
    find_what_stands_behind();
    ::pthread_atfork(&before_fork, &in_parent, &in_child);
    if (const char* list = std::getenv("COIR_LEGACY"); list && *list) enable_by_environment(list);
    tell_what_is_enabled();
    watch_calls();
    for (unsigned i = 0; i < static_cast<unsigned>(Symbol::count_); ++i) {
        resolve(static_cast<Symbol>(i));
    }
}

}  // namespace

Scheduler* suspendable_by_locks() noexcept { return suspendable(locks); }

unsigned effective(unsigned categories) noexcept {
    return categories & (__atomic_load_n(&enabled, __ATOMIC_RELAXED) | optional);
}

bool locks_enabled() noexcept { return (enabled & locks) != 0; }

void enable_optional(unsigned categories) noexcept {
    __atomic_fetch_or(&enabled, categories & optional, __ATOMIC_RELAXED);
    tell_what_is_enabled();
}

#define COIR_LEGACY_ADD_ARGUMENT(...) (*loop __VA_OPT__(, ) __VA_ARGS__)

// Out of the way of the others, which need no stack.
#define COIR_LEGACY_ADD_CALLER(...) (loop, __builtin_return_address(0) __VA_OPT__(, ) __VA_ARGS__)
#define COIR_LEGACY_ADD_PARAMETERS(...) (Scheduler* loop, const void* caller __VA_OPT__(, ) __VA_ARGS__)
#define COIR_LEGACY_WATCH(symbol, category, number, result, parameters, arguments)             \
    [[gnu::noinline, gnu::cold]] [[maybe_unused]] static result coir_watched_##symbol          \
        COIR_LEGACY_ADD_PARAMETERS parameters {                                                \
        if constexpr (is_watched(category, #symbol)) {                                         \
            const WatchedCall watched(#symbol, word_of(category), descriptor_of arguments,     \
                                      loop ? Why::taken_over : why_passed_on(category), caller); \
            if (!loop) return real::symbol arguments;                                          \
            return in_task::symbol COIR_LEGACY_ADD_ARGUMENT arguments;                         \
        } else {                                                                               \
            return real::symbol arguments;                                                     \
        }                                                                                      \
    }
COIR_LEGACY_SYMBOLS(COIR_LEGACY_WATCH)

#define COIR_LEGACY_EXPORT(symbol, category, number, result, parameters, arguments)            \
    extern "C" [[gnu::visibility("default")]] result coir_legacy_##symbol parameters           \
        __asm__(COIR_LEGACY_LINK_NAME(#symbol));                                               \
    result coir_legacy_##symbol parameters {                                                   \
        if constexpr ((category & any_caller) != 0) {                                          \
            return anywhere::symbol arguments;                                                 \
        } else {                                                                               \
            Scheduler* loop = applies<category>();                                             \
            if constexpr (is_watched(category, #symbol)) {                                     \
                if (watching_calls) [[unlikely]] {                                             \
                    return coir_watched_##symbol COIR_LEGACY_ADD_CALLER arguments;             \
                }                                                                              \
            }                                                                                  \
            if (!loop) [[likely]] return real::symbol arguments;                               \
            return in_task::symbol COIR_LEGACY_ADD_ARGUMENT arguments;                         \
        }                                                                                      \
    }
COIR_LEGACY_SYMBOLS(COIR_LEGACY_EXPORT)

// Only their addresses are of interest here (variadic.cpp).
#define COIR_LEGACY_DECLARE_VARIADIC(symbol) \
    extern "C" void coir_legacy_variadic_##symbol() __asm__(COIR_LEGACY_LINK_NAME(#symbol));
COIR_LEGACY_VARIADIC_SYMBOLS(COIR_LEGACY_DECLARE_VARIADIC)

Wrappers wrappers() noexcept {
#define COIR_LEGACY_WRAPPER(symbol, category, ...) \
    {#symbol, category, reinterpret_cast<void*>(&coir_legacy_##symbol), Symbol::symbol},
#define COIR_LEGACY_VARIADIC_WRAPPER(symbol) \
    {#symbol, io, reinterpret_cast<void*>(&coir_legacy_variadic_##symbol), Symbol::count_},
    static const Wrapper all[] = {COIR_LEGACY_SYMBOLS(COIR_LEGACY_WRAPPER)
                                      COIR_LEGACY_VARIADIC_SYMBOLS(COIR_LEGACY_VARIADIC_WRAPPER)};
#undef COIR_LEGACY_WRAPPER
    return {all, std::end(all)};
}

}  // namespace coir_legacy
