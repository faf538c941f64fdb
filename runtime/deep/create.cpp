// SPDX-License-Identifier: BSL-1.0
// pthread_create and thrd_create: in a thread that is a task, another one. Where nothing may be
// suspended (outside tasks, in a blocking_region, in the child of a fork) the real thing: among
// others for the threads of coir's own pools.
#include "exports.hpp"
#include "real.hpp"
#include "threads.hpp"

#include <cerrno>
#include <new>

#include <threads.h>

namespace coir_deep {
namespace {

bool makes_tasks() noexcept { return this_thread() && hooks::suspendable(); }

int to_c11(int error) noexcept {
    return error == 0 ? thrd_success : error == EAGAIN ? thrd_nomem : thrd_error;
}

struct C11Start {
    thrd_start_t function;
    void* argument;
};

void* start_c11(void* memory) {
    auto* start = static_cast<C11Start*>(memory);
    const C11Start copy = *start;
    delete start;
    return reinterpret_cast<void*>(static_cast<long>(copy.function(copy.argument)));
}

}  // namespace
}  // namespace coir_deep

using namespace coir_deep;

COIR_DEEP_EXPORT(pthread_create, int,
                 (pthread_t* handle, const pthread_attr_t* attributes, void* (*start)(void*),
                  void* argument)) {
    if (makes_tasks()) return create_thread(*handle, attributes, start, argument);
    static constinit Behind<decltype(::pthread_create)> real("pthread_create");
    return on_carrier([&] { return real(handle, attributes, start, argument); });
}

COIR_DEEP_EXPORT(thrd_create, int, (thrd_t* handle, thrd_start_t function, void* argument)) {
    if (makes_tasks()) {
        auto* const start = new (std::nothrow) C11Start{function, argument};
        if (!start) return thrd_nomem;
        const int error = create_thread(*handle, nullptr, &start_c11, start);
        if (error != 0) delete start;
        return to_c11(error);
    }
    static constinit Behind<decltype(::thrd_create)> real("thrd_create");
    return on_carrier([&] { return real(handle, function, argument); });
}
