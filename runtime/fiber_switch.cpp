// SPDX-License-Identifier: BSL-1.0
// The switch layer over Boost.Context's make_fcontext/jump_fcontext.
//
// This file is compiled with -fno-omit-frame-pointer -mno-red-zone, because jump_to() pushes a
// return address from inline assembly, and never with a sanitizer, because a switch returns on
// another stack than it was called on. The build says by COIR_ASAN and COIR_TSAN which one the rest
// is built with.
#include "fiber_switch.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <utility>

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

// The layout that the Itanium C++ ABI gives __cxa_eh_globals, in libstdc++ and libc++abi alike.
struct ExceptionGlobals {
    void* caught_exceptions;
    unsigned uncaught_exceptions;
};

struct SanitizerFiber {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
    void* tsan = nullptr;
    bool owns_tsan = false;
};

// What travels with a jump is the context that is left; or, marked by its lowest bit, the address of
// a Visit on the stack that is left: something to be done on top of the stack that is entered, which
// then goes on sleeping.
struct Visit {
    FiberContext* from;
    void (*act)(void*);
    void* argument;
};

struct Arrival {
    FiberContext* from;
    const Visit* visit;  // usually null
};

void* pack(FiberContext& from) noexcept { return &from; }
void* pack(Visit& visit) noexcept {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&visit) | 1);
}
[[gnu::always_inline]] inline Arrival unpack(void* data) noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(data);
    if ((bits & 1) == 0) [[likely]] return {static_cast<FiberContext*>(data), nullptr};
    const auto* visit = reinterpret_cast<const Visit*>(bits & ~std::uintptr_t{1});
    return {visit->from, visit};
}

struct Entry {
    void (*function)(void*);
    void* argument;
};

[[maybe_unused]] SanitizerFiber* sanitizer_of(FiberContext& context) noexcept {
    return static_cast<SanitizerFiber*>(context.sanitizer);
}

// Jumps, and returns what whoever jumps back here brings.
//
// jump_fcontext leaves by `pop; jmp`. Entered by a `call`, it would leave an entry on the
// processor's return stack that nothing pops, and every return after it would be mispredicted (2.2
// to 2.5 times the cost of the switch, measured). So the return address is pushed by hand and the
// function is entered by a jump: calls and returns stay paired.
[[gnu::always_inline]] inline Arrival jump_to(void* stack_pointer, void* packed) noexcept {
#if defined(__x86_64__) && !COIR_ASAN && !COIR_TSAN
    void* left = stack_pointer;
    void* data = packed;
    void* target = reinterpret_cast<void*>(&bctx::jump_fcontext);
    void* brought = nullptr;
    __asm__ volatile(
        "leaq 1f(%%rip), %%rcx\n\t"
        "pushq %%rcx\n\t"
        "jmp *%%rax\n\t"
        ".p2align 4\n"
        "1:\n\t"
#if defined(__CET__) && (__CET__ & 1)
        "endbr64\n\t"
#endif
        : "+D"(left), "+S"(data), "+a"(target), "=d"(brought)
        :
        : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
          "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15"
#if defined(__AVX512F__)
          ,
          "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
          "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",
          "k7"
#endif
    );
    const Arrival arrival = unpack(brought);
    arrival.from->stack_pointer = target;  // rax: where the one who came stopped
    return arrival;
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

namespace {

[[gnu::always_inline]] inline void swap_thread_state(const ThreadState& thread, FiberContext& from,
                                                     const FiberContext& to) noexcept {
    auto* globals = static_cast<ExceptionGlobals*>(thread.exception_globals);
    from.caught_exceptions = globals->caught_exceptions;
    from.uncaught_exceptions = globals->uncaught_exceptions;
    from.error_number = *thread.error_number;
    globals->caught_exceptions = to.caught_exceptions;
    globals->uncaught_exceptions = to.uncaught_exceptions;
    *thread.error_number = to.error_number;
}

// Runs what visitors want done on this stack, until somebody comes to stay.
[[gnu::noinline]] void receive_visits(FiberContext& self, Arrival arrival) noexcept {
    while (const Visit* visit = arrival.visit) {
        visit->act(visit->argument);
        before_switch(self, *arrival.from);
        arrival = jump_to(arrival.from->stack_pointer, pack(self));
        after_switch(arrival);
    }
}

}  // namespace

COIR_NOINLINE void switch_context(const ThreadState& thread, FiberContext& from,
                                  FiberContext& to) noexcept {
    swap_thread_state(thread, from, to);
    before_switch(from, to);
    const Arrival arrival = jump_to(to.stack_pointer, pack(from));
    after_switch(arrival);
    if (arrival.visit) [[unlikely]] receive_visits(from, arrival);
}

COIR_NOINLINE void visit_context(FiberContext& from, FiberContext& suspended, void (*act)(void*),
                                 void* argument) noexcept {
    Visit visit{&from, act, argument};
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
    fiber->owns_tsan = bottom != nullptr;
    fiber->tsan = bottom ? __tsan_create_fiber(0) : __tsan_get_current_fiber();
#endif
    return fiber.release();
#else
    return nullptr;
#endif
}

void destroy_sanitizer_fiber(void* fiber) noexcept {
    auto* sanitizer = static_cast<SanitizerFiber*>(fiber);
    if (!sanitizer) return;
#if COIR_TSAN
    if (sanitizer->owns_tsan) __tsan_destroy_fiber(sanitizer->tsan);
#endif
    delete sanitizer;
}

namespace {

// The self-check's two contexts and what it has seen.
struct SelfCheck {
    ThreadState thread = ThreadState::of_this_thread();
    FiberContext outside;
    FiberContext fiber;
    bool fiber_saw_own = false;
};

void self_check_fiber(void* argument) {
    auto& check = *static_cast<SelfCheck*>(argument);
    try {
        throw 2;
    } catch (int) {
        switch_context(check.thread, check.fiber, check.outside);
        try {
            throw;
        } catch (int value) {
            check.fiber_saw_own = value == 2 && std::uncaught_exceptions() == 0;
        }
    }
    switch_context(check.thread, check.fiber, check.outside);
    std::abort();
}

int found_offset = -1;

// A suspended context holds its return address within the first words above its stack pointer: the
// only word there that points into switch_context().
void find_program_counter(const FiberContext& suspended) noexcept {
    const auto* words = static_cast<const std::uintptr_t*>(suspended.stack_pointer);
    const auto begin = reinterpret_cast<std::uintptr_t>(&switch_context);
    for (int i = 0; i < 16; ++i) {
        if (words[i] > begin && words[i] < begin + 1024) {
            found_offset = i * static_cast<int>(sizeof(void*));
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
        switch_context(check.thread, check.outside, check.fiber);
        find_program_counter(check.fiber);
        try {
            throw;
        } catch (int value) {
            outside_saw_own = value == 1;
        }
    }
    switch_context(check.thread, check.outside, check.fiber);
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
