// SPDX-License-Identifier: BSL-1.0
// Switching between fibers: the only door to Boost.Context.
//
// A switch swaps, beside the registers: the exceptions in flight (so that awaiting inside `catch`
// and during unwinding works), errno, and what the sanitizers need to know. The signal mask is not
// switched. Everything here belongs to one thread; fibers never leave it.
#pragma once

#include <coir/detail/task_state.hpp>

#include <cstddef>
#include <cstdint>

namespace coir {
inline namespace v0 {
namespace detail {

/// Addresses of the thread's own errno and exception state, looked up once: fibers never migrate.
struct ThreadState {
    int* error_number = nullptr;
    void* exception_globals = nullptr;
    static ThreadState of_this_thread() noexcept;
};

/// The floating-point control words: rounding, traps, flush-to-zero. Switches keep them per fiber
/// (on x86-64; elsewhere they are the thread's), but a task that begins would find those of whoever
/// was left for it, or of the last task on its stack.
struct FloatControl {
    std::uint32_t sse = 0;
    std::uint16_t x87 = 0;
    static FloatControl of_this_thread() noexcept;
    /// Makes them the running fiber's; cheap when they are.
    void apply() const noexcept;
};

/// Leaves `from` (saving everything in it) and continues `to`; returns when something switches back
/// to `from`. switch_context() below is the same without a call where that is possible.
void switch_out_of_line(const ThreadState& thread, FiberContext& from, FiberContext& to) noexcept;

/// Runs `act(argument)` on top of a suspended fiber's stack and comes back; the fiber goes on
/// sleeping. `act` must neither throw nor switch. For stack dumps.
void visit_context(FiberContext& from, FiberContext& suspended, void (*act)(void*),
                   void* argument) noexcept;

/// Prepares `context` so that the first switch to it calls `entry(argument)` on the stack that ends
/// at `top`. `entry` must never return.
void make_context(FiberContext& context, void* top, std::size_t size, void (*entry)(void*),
                  void* argument) noexcept;

/// What a sanitizer build knows of a fiber: made per stack (null: of the thread itself).
void* make_sanitizer_fiber(void* bottom, std::size_t size);
void destroy_sanitizer_fiber(void* fiber) noexcept;
/// Its frames are forgotten without having returned; ThreadSanitizer would keep them for ever.
void renew_sanitizer_fiber(void* fiber) noexcept;

/// Throws, catches and switches, and compares: aborts with a clear line when exceptions do not
/// survive a switch here. Called once per process, before the first fiber.
void check_switch_layer();

/// Byte offset of the saved program counter from FiberContext::stack_pointer, found out by looking;
/// -1 when it was not found. For the debug table.
int saved_program_counter_offset() noexcept;

inline FloatControl FloatControl::of_this_thread() noexcept {
    FloatControl words;
#if defined(__x86_64__)
    __asm__ volatile("stmxcsr %0" : "=m"(words.sse));
    __asm__ volatile("fnstcw %0" : "=m"(words.x87));
    words.sse &= ~std::uint32_t{0x3f};  // these bits are results, not controls
#endif
    return words;
}

inline void FloatControl::apply() const noexcept {
    [[maybe_unused]] const FloatControl now = of_this_thread();
#if defined(__x86_64__)
    if (now.sse != sse) [[unlikely]] {
        __asm__ volatile("ldmxcsr %0" : : "m"(sse));
    }
    if (now.x87 != x87) [[unlikely]] {
        __asm__ volatile("fldcw %0" : : "m"(x87));
    }
#endif
}

// --- The switch ---------------------------------------------------------------------------------

/// The layout that the Itanium C++ ABI gives __cxa_eh_globals, in libstdc++ and libc++abi alike.
struct ExceptionGlobals {
    void* caught_exceptions;
    unsigned uncaught_exceptions;
};

/// What travels with a jump is the context that is left; or, marked by its lowest bit, the address of
/// a Visit on the stack that is left: something to be done on top of the stack that is entered, which
/// then goes on sleeping.
struct Visit {
    FiberContext* from;
    FiberContext* on;  ///< whose stack it is: so that a switch has nothing to remember
    void (*act)(void*);
    void* argument;
};

struct Arrival {
    FiberContext* from;
    const Visit* visit;  // usually null
};

inline void* pack(FiberContext& from) noexcept { return &from; }
inline void* pack(Visit& visit) noexcept {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&visit) | 1);
}
[[gnu::always_inline]] inline Arrival unpack(void* data) noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(data);
    if ((bits & 1) == 0) [[likely]] return {static_cast<FiberContext*>(data), nullptr};
    const auto* visit = reinterpret_cast<const Visit*>(bits & ~std::uintptr_t{1});
    return {visit->from, visit};
}

/// Does on this stack what visitors want done, until somebody comes to stay.
void receive_visits(Arrival arrival) noexcept;

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

// Inline assembly pushes a return address, so that what lies below the stack pointer must not be in
// use: the build says COIR_NO_RED_ZONE where it compiles with -mno-red-zone.
#if defined(__x86_64__) && COIR_NO_RED_ZONE && !COIR_ASAN && !COIR_TSAN
#define COIR_INLINE_SWITCH 1

/// jump_fcontext leaves by `pop; jmp`. Entered by a `call`, it would leave an entry on the
/// processor's return stack that nothing pops, and every return after it would be mispredicted (2.2
/// to 2.5 times the cost of the switch, measured). So the return address is pushed by hand and the
/// function is entered by a jump; and because this is inlined into whoever suspends, a resumed fiber
/// goes on without a return, which would pop the other fiber's entry.
[[gnu::always_inline]] inline Arrival inline_jump(void* stack_pointer, void* packed) noexcept {
    void* left = nullptr;
    void* brought = nullptr;
    __asm__ volatile(
        "leaq 1f(%%rip), %%rcx\n\t"
        "pushq %%rcx\n\t"
        "jmp jump_fcontext@PLT\n\t"
        ".p2align 4\n"
        "1:\n\t"
#if defined(__CET__) && (__CET__ & 1)
        "endbr64\n\t"
#endif
        : "+D"(stack_pointer), "+S"(packed), "=a"(left), "=d"(brought)
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
    arrival.from->stack_pointer = left;  // where the one who came stopped
    return arrival;
}

[[gnu::always_inline]] inline void switch_context(const ThreadState& thread, FiberContext& from,
                                                  FiberContext& to) noexcept {
    swap_thread_state(thread, from, to);
    const Arrival arrival = inline_jump(to.stack_pointer, pack(from));
    if (arrival.visit) [[unlikely]] receive_visits(arrival);
}
#else
#define COIR_INLINE_SWITCH 0

// In sanitizer builds a switch must be a function that is not instrumented.
inline void switch_context(const ThreadState& thread, FiberContext& from,
                           FiberContext& to) noexcept {
    switch_out_of_line(thread, from, to);
}
#endif

}  // namespace detail
}  // namespace v0
}  // namespace coir
