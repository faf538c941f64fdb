// SPDX-License-Identifier: BSL-1.0
// pthread_exit and thrd_exit: libc's own, which unwinds the stack, calling what
// pthread_cleanup_push() has pushed, up to where call_start() waits for it. Only the result must be
// known here.
#include "exports.hpp"
#include "real.hpp"
#include "threads.hpp"

#include <cstdlib>

#include <threads.h>

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_exit, void, (void* result)) {
    if (Thread* const thread = this_thread()) thread->result = result;
    static constinit Behind<void(void*)> real("pthread_exit");
    real(result);
}

COIR_DEEP_EXPORT(thrd_exit, void, (int result)) {
    coir_deep_pthread_exit(reinterpret_cast<void*>(static_cast<long>(result)));
}
