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
/// to `from`.
void switch_context(const ThreadState& thread, FiberContext& from, FiberContext& to) noexcept;

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

}  // namespace detail
}  // namespace v0
}  // namespace coir
