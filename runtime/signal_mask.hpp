// SPDX-License-Identifier: BSL-1.0
// Signals are for the program's own threads: those that coir starts block them, but for the ones
// that a thread causes itself (a blocked fault kills without a report).
#pragma once

#include <csignal>

#include <pthread.h>

namespace coir {
inline namespace v0 {
namespace detail {

/// Threads that are started while it lives inherit the mask.
class SignalsLeftToOthers {
public:
    SignalsLeftToOthers() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
            ::sigdelset(&all, fault);
        }
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsLeftToOthers(const SignalsLeftToOthers&) = delete;
    SignalsLeftToOthers& operator=(const SignalsLeftToOthers&) = delete;
    ~SignalsLeftToOthers() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
