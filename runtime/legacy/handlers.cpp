// SPDX-License-Identifier: BSL-1.0
// Signal handlers of the program: a function of ours stands before each, so that calls of tasks can be
// interrupted by it as those of threads are, and calls within it never suspend.
//
// The kernel is given the function of a slot, and a slot belongs to one handler for ever. So there is
// nothing to keep in step: whoever asks what is installed is told the handler of that slot, and a
// child that shares this memory may install what it likes. When there are no slots left, a handler
// stands for itself.
#include "handlers.hpp"

#include "link_names.hpp"
#include "symbols.hpp"

#include "../legacy_hooks.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

#include <dlfcn.h>
#include <signal.h>

namespace coir_legacy {
namespace {

constexpr std::size_t slot_count = 256;

using Handler = void (*)(int, siginfo_t*, void*);

// Two for each handler: with SA_RESTART, the even one, and without.
std::atomic<Handler> handlers[slot_count / 2];

// Where the innermost handler began. One that was left by a jump is told by where the stack is now.
[[gnu::tls_model("initial-exec")]] constinit thread_local const char* handler_frame = nullptr;

[[gnu::noinline]] void run(std::size_t slot, int signo, siginfo_t* info, void* context) {
    const char* const outer = handler_frame;
    handler_frame = static_cast<const char*>(__builtin_frame_address(0));
    handlers[slot / 2].load(std::memory_order_relaxed)(signo, info, context);
    handler_frame = outer;
    coir::detail::legacy::handler_ran(slot % 2 == 0, signo);
}

// A handler of one parameter is called with three: it does not see the others.
template <std::size_t Slot>
void enter(int signo, siginfo_t* info, void* context) {
    run(Slot, signo, info, context);
}

template <std::size_t... Slots>
constexpr std::array<Handler, slot_count> make_entries(std::index_sequence<Slots...>) {
    return {&enter<Slots>...};
}
constexpr std::array<Handler, slot_count> entries =
    make_entries(std::make_index_sequence<slot_count>());

using SimpleHandler = void (*)(int);

// Both kinds of handlers are the same to the kernel.
SimpleHandler simple(Handler handler) noexcept {
    return reinterpret_cast<SimpleHandler>(reinterpret_cast<void*>(handler));
}
Handler full(SimpleHandler handler) noexcept {
    return reinterpret_cast<Handler>(reinterpret_cast<void*>(handler));
}

bool is_function(Handler handler) noexcept {
    const SimpleHandler plain = simple(handler);
    return plain != SIG_DFL && plain != SIG_IGN && plain != SIG_ERR && plain != SIG_HOLD;
}

// What the kernel is to call for a handler.
Handler to_entry(Handler handler, bool restarts) noexcept {
    if (!is_function(handler)) return handler;
    for (const Handler entry : entries) {
        if (entry == handler) return handler;  // it was found by other ways than ours
    }
    for (std::size_t i = 0; i < slot_count / 2; ++i) {
        Handler known = handlers[i].load(std::memory_order_relaxed);
        if (!known && handlers[i].compare_exchange_strong(known, handler)) known = handler;
        if (known == handler) return entries[2 * i + (restarts ? 0 : 1)];
    }
    return handler;
}

Handler to_handler(Handler entry) noexcept {
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
        if (entries[slot] == entry) return handlers[slot / 2].load(std::memory_order_relaxed);
    }
    return entry;
}

// libc's own. These calls are rare: they are looked up anew each time.
#if COIR_LEGACY_WRAPPED
#define COIR_LEGACY_DECLARE_REAL(symbol) extern "C" void coir_legacy_behind_##symbol() __asm__("__real_" #symbol);
COIR_LEGACY_HANDLER_SYMBOLS(COIR_LEGACY_DECLARE_REAL)
#define COIR_LEGACY_REAL_OF(symbol) reinterpret_cast<void*>(&coir_legacy_behind_##symbol)
#else
#define COIR_LEGACY_REAL_OF(symbol) ::dlsym(RTLD_NEXT, #symbol)
#endif

SimpleHandler install(void* real, int signo, SimpleHandler handler, bool restarts) noexcept {
    const SimpleHandler entry = simple(to_entry(full(handler), restarts));
    const auto call = reinterpret_cast<SimpleHandler (*)(int, SimpleHandler)>(real);
    return simple(to_handler(full(call(signo, entry))));
}

}  // namespace

bool in_handler() noexcept {
    if (!handler_frame) [[likely]] return false;
    constexpr std::ptrdiff_t deepest = 1 << 20;
    const auto* here = static_cast<const char*>(__builtin_frame_address(0));
    if (here < handler_frame && handler_frame - here < deepest) return true;
    handler_frame = nullptr;
    return false;
}

extern "C" {

[[gnu::visibility("default")]] int coir_legacy_sigaction(
    int signo, const struct sigaction* action, struct sigaction* before) __asm__(COIR_LEGACY_LINK_NAME("sigaction"));
int coir_legacy_sigaction(int signo, const struct sigaction* action, struct sigaction* before) {
    using Sigaction = int (*)(int, const struct sigaction*, struct sigaction*);
    struct sigaction entry {};
    if (action) {
        entry = *action;
        entry.sa_sigaction = to_entry(action->sa_sigaction, (action->sa_flags & SA_RESTART) != 0);
    }
    const auto call = reinterpret_cast<Sigaction>(COIR_LEGACY_REAL_OF(sigaction));
    const int result = call(signo, action ? &entry : nullptr, before);
    if (result == 0 && before) before->sa_sigaction = to_handler(before->sa_sigaction);
    return result;
}

#define COIR_LEGACY_SIGNAL(name, restarts)                                                       \
    [[gnu::visibility("default")]] SimpleHandler coir_legacy_##name(int signo,                    \
                                                                    SimpleHandler handler)        \
        __asm__(COIR_LEGACY_LINK_NAME(#name));                                                    \
    SimpleHandler coir_legacy_##name(int signo, SimpleHandler handler) {                          \
        return install(COIR_LEGACY_REAL_OF(name), signo, handler, restarts);                       \
    }
COIR_LEGACY_SIGNAL(signal, true)
COIR_LEGACY_SIGNAL(bsd_signal, true)
COIR_LEGACY_SIGNAL(sysv_signal, false)
COIR_LEGACY_SIGNAL(__sysv_signal, false)

}  // extern "C"
}  // namespace coir_legacy
