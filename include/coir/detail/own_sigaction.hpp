// SPDX-License-Identifier: BSL-1.0
// sigaction() for the runtime's own handlers: libc's, by a name that libcoir-legacy does not replace.
#pragma once

#include <csignal>

#if defined(__GLIBC__)
extern "C" int __sigaction(int signo, const struct sigaction* action,
                           struct sigaction* before) noexcept;
#endif

namespace coir {
inline namespace v0 {
namespace detail {

inline int own_sigaction(int signo, const struct sigaction* action,
                         struct sigaction* before) noexcept {
#if defined(__GLIBC__)
    return ::__sigaction(signo, action, before);
#else
    return ::sigaction(signo, action, before);
#endif
}

/// Back to the default action.
inline void give_up_signal(int signo) noexcept {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    own_sigaction(signo, &action, nullptr);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
