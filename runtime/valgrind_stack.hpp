// SPDX-License-Identifier: BSL-1.0
// What valgrind is told of a stack: from where to where it is one, so that a switch to it is not taken for
// a large frame, and until when. Without valgrind nothing happens.
#pragma once

#include <coir/detail/config.hpp>

#if COIR_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {

inline bool on_valgrind() noexcept {
#if COIR_HAVE_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/// The stack's number, for forget_valgrind_stack().
inline unsigned tell_valgrind_of_stack([[maybe_unused]] char* bottom, [[maybe_unused]] char* top) noexcept {
#if COIR_HAVE_VALGRIND
    return VALGRIND_STACK_REGISTER(bottom, top);
#else
    return 0;
#endif
}

/// Before its memory is unmapped. Otherwise the next stack there is another one for valgrind, and its list of
/// them, which it looks through at each switch, grows without end.
inline void forget_valgrind_stack([[maybe_unused]] unsigned number) noexcept {
#if COIR_HAVE_VALGRIND
    VALGRIND_STACK_DEREGISTER(number);
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
