// SPDX-License-Identifier: BSL-1.0
// The switch layer over Boost.Context's make_fcontext/jump_fcontext.
//
// This file is never compiled with a sanitizer, because a switch returns on another stack than it was
// called on. The build says by COIR_ASAN and COIR_TSAN which one the rest is built with.
#include "fiber_switch.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <utility>

#if COIR_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#endif
#if COIR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if COIR_TSAN
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
#endif

#define COIR_NOINLINE __attribute__((noinline))

namespace coir {
inline namespace v0 {
namespace detail {

namespace bctx = boost::context::detail;

namespace {

struct SanitizerFiber {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
    void* tsan = nullptr;  ///< ThreadSanitizer's fiber that is left here
    void* own = nullptr;   ///< what was made for it, if anything
};

struct Entry {
    void (*function)(void*);
    void* argument;
};

[[maybe_unused]] SanitizerFiber* sanitizer_of(FiberContext& context) noexcept {
    return static_cast<SanitizerFiber*>(context.sanitizer);
}

// Jumps, and returns what whoever jumps back here brings.
[[gnu::always_inline]] inline Arrival jump_to(void* stack_pointer, void* packed) noexcept {
#if COIR_INLINE_SWITCH
    return inline_jump(stack_pointer, packed);
#else
    const bctx::transfer_t came = bctx::jump_fcontext(stack_pointer, packed);
    const Arrival arrival = unpack(came.data);
    arrival.from->stack_pointer = came.fctx;
    return arrival;
#endif
}

#if COIR_ASAN
// Whose stack is being entered: the one who arrives has no other way to know.
thread_local SanitizerFiber* entering = nullptr;
#endif

[[gnu::always_inline]] inline void before_switch([[maybe_unused]] FiberContext& from,
                                                 [[maybe_unused]] FiberContext& to) noexcept {
#if COIR_ASAN
    entering = sanitizer_of(to);
    __sanitizer_start_switch_fiber(&sanitizer_of(from)->fake_stack, entering->bottom,
                                   entering->size);
#endif
#if COIR_TSAN
    // A side stack is left from whatever fiber runs on its thread, and comes back to that.
    sanitizer_of(from)->tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(sanitizer_of(to)->tsan, 0);
#endif
}

[[gnu::always_inline]] inline void after_switch([[maybe_unused]] const Arrival& arrival) noexcept {
#if COIR_ASAN
    // The thread's own stack bounds become known here, the first time it is left.
    SanitizerFiber* left = sanitizer_of(*arrival.from);
    __sanitizer_finish_switch_fiber(entering->fake_stack, &left->bottom, &left->size);
#endif
}

// The first frame of every fiber. It never returns into Boost.
COIR_NOINLINE void fiber_entry(bctx::transfer_t came) noexcept {
    const Arrival arrival = unpack(came.data);
    arrival.from->stack_pointer = came.fctx;
    after_switch(arrival);
    // make_context() has put the entry where a running fiber keeps its caught exceptions, of which
    // a new one has none, whatever its starter was doing.
    auto* globals = reinterpret_cast<ExceptionGlobals*>(abi::__cxa_get_globals());
    const Entry entry = *static_cast<const Entry*>(globals->caught_exceptions);
    globals->caught_exceptions = nullptr;
    entry.function(entry.argument);
    std::abort();
}

}  // namespace

ThreadState ThreadState::of_this_thread() noexcept {
    return {&errno, abi::__cxa_get_globals()};
}

void receive_visits(Arrival arrival) noexcept {
    FiberContext& self = *arrival.visit->on;
    while (const Visit* visit = arrival.visit) {
        visit->act(visit->argument);
        before_switch(self, *arrival.from);
        arrival = jump_to(arrival.from->stack_pointer, pack(self));
        after_switch(arrival);
    }
}

COIR_NOINLINE void switch_out_of_line(const ThreadState& thread, FiberContext& from,
                                      FiberContext& to) noexcept {
    swap_thread_state(thread, from, to);
    before_switch(from, to);
    const Arrival arrival = jump_to(to.stack_pointer, pack(from));
    after_switch(arrival);
    if (arrival.visit) [[unlikely]] receive_visits(arrival);
}

COIR_NOINLINE void visit_context(FiberContext& from, FiberContext& suspended, void (*act)(void*),
                                 void* argument) noexcept {
    Visit visit{&from, &suspended, act, argument};
    before_switch(from, suspended);
    after_switch(jump_to(suspended.stack_pointer, pack(visit)));
}

void make_context(FiberContext& context, void* top, std::size_t size, void (*entry)(void*),
                  void* argument) noexcept {
    // The entry travels at the top of the new stack, and its address where a running fiber keeps
    // its caught exceptions: fiber_entry() zeroes those.
    Entry* at_top = ::new (static_cast<char*>(top) - sizeof(Entry)) Entry{entry, argument};
    context.stack_pointer = bctx::make_fcontext(at_top, size - sizeof(Entry), &fiber_entry);
    context.caught_exceptions = at_top;
    context.uncaught_exceptions = 0;
    context.error_number = 0;
}

void* make_sanitizer_fiber([[maybe_unused]] void* bottom, [[maybe_unused]] std::size_t size) {
#if COIR_ASAN || COIR_TSAN
    auto fiber = std::make_unique<SanitizerFiber>();
    fiber->bottom = bottom;
    fiber->size = size;
#if COIR_TSAN
    fiber->own = bottom ? __tsan_create_fiber(0) : nullptr;
    fiber->tsan = bottom ? fiber->own : __tsan_get_current_fiber();
#endif
    return fiber.release();
#else
    return nullptr;
#endif
}

void renew_sanitizer_fiber([[maybe_unused]] void* fiber) noexcept {
#if COIR_TSAN
    auto* sanitizer = static_cast<SanitizerFiber*>(fiber);
    __tsan_destroy_fiber(sanitizer->own);
    sanitizer->tsan = sanitizer->own = __tsan_create_fiber(0);
#endif
}

void destroy_sanitizer_fiber(void* fiber) noexcept {
    auto* sanitizer = static_cast<SanitizerFiber*>(fiber);
    if (!sanitizer) return;
#if COIR_TSAN
    if (sanitizer->own) __tsan_destroy_fiber(sanitizer->own);
#endif
    delete sanitizer;
}

namespace {

// The first words above the stack pointer of a suspended context; its return address is one of them.
using FirstWords = std::array<std::uintptr_t, 16>;

// Beyond the context are frames of which AddressSanitizer lets nobody else read.
[[gnu::no_sanitize_address]] FirstWords first_words(const FiberContext& suspended) noexcept {
    const auto* at = static_cast<const volatile std::uintptr_t*>(suspended.stack_pointer);
    FirstWords words{};
    for (std::uintptr_t& word : words) word = *at++;
#if COIR_HAVE_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(words.data(), sizeof words);  // not all of them have been written
#endif
    return words;
}

// The self-check's two contexts and what it has seen.
struct SelfCheck {
    ThreadState thread = ThreadState::of_this_thread();
    FiberContext outside;
    FiberContext fiber;
    FirstWords outside_words{};
    bool fiber_saw_own = false;
};

void self_check_fiber(void* argument) {
    auto& check = *static_cast<SelfCheck*>(argument);
    check.outside_words = first_words(check.outside);
    try {
        throw 2;
    } catch (int) {
        switch_out_of_line(check.thread, check.fiber, check.outside);
        try {
            throw;
        } catch (int value) {
            check.fiber_saw_own = value == 2 && std::uncaught_exceptions() == 0;
        }
    }
    switch_out_of_line(check.thread, check.fiber, check.outside);
    std::abort();
}

int found_offset = -1;

// Two contexts that were left by the same instruction have the same return address, in switch_out_of_line().
// Registers may point there, too, or just behind it, but not the same one in both.
void find_program_counter(const FirstWords& one, const FirstWords& other) noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(&switch_out_of_line);
    for (std::size_t i = 0; i < one.size(); ++i) {
        if (one[i] == other[i] && one[i] > begin && one[i] < begin + 1024) {
            found_offset = static_cast<int>(i * sizeof(void*));
            return;
        }
    }
}

}  // namespace

void check_switch_layer() {
    constexpr std::size_t size = 64 * 1024;
    auto stack = std::make_unique<unsigned char[]>(size);
    SelfCheck check;
    check.outside.sanitizer = make_sanitizer_fiber(nullptr, 0);
    check.fiber.sanitizer = make_sanitizer_fiber(stack.get(), size);
    make_context(check.fiber, stack.get() + size, size, &self_check_fiber, &check);
    bool outside_saw_own = false;
    try {
        throw 1;
    } catch (int) {
        switch_out_of_line(check.thread, check.outside, check.fiber);
        find_program_counter(check.outside_words, first_words(check.fiber));
        try {
            throw;
        } catch (int value) {
            outside_saw_own = value == 1;
        }
    }
    switch_out_of_line(check.thread, check.outside, check.fiber);
    destroy_sanitizer_fiber(check.fiber.sanitizer);
    destroy_sanitizer_fiber(check.outside.sanitizer);
    if (!outside_saw_own || !check.fiber_saw_own) {
        std::fputs("coir: exceptions do not survive a fiber switch with this C++ runtime and "
                   "Boost.Context; refusing to run\n",
                   stderr);
        std::abort();
    }
}

int saved_program_counter_offset() noexcept { return found_offset; }

}  // namespace detail
}  // namespace v0
}  // namespace coir
