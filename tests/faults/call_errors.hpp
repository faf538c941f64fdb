// SPDX-License-Identifier: BSL-1.0
// Which errors Linux may give for which call: what the manual pages say can happen to a correct
// program, and nothing that would mean a mistake of the caller's.
#pragma once

namespace coir_faults {

struct CallErrors {
    int errors[8];
    unsigned count;
};

/// None for a call that cannot fail, or that cannot fail in this way ("epoll_ctl(DEL)").
CallErrors errors_of(long number, long a, long b, long c) noexcept;
const char* name_of(long number) noexcept;
/// An error that a caller may answer with another try, and so for ever.
bool is_momentary(int error) noexcept;
/// Remembers which descriptors are eventfds: reading and writing these cannot fail.
void note_descriptors(long number, long a, long b, long result) noexcept;

}  // namespace coir_faults
