// SPDX-License-Identifier: BSL-1.0
// A reactor's Sys for the calls that every message makes. The real system is not asked for them: its object and
// its table of functions are two pages more to touch, and on many machines (virtual ones, mitigations) a
// system call leaves an empty address translation cache behind.
#pragma once

#include <coir/detail/sys.hpp>

namespace coir {
inline namespace v0 {
namespace detail {

class QuickSys {
public:
    explicit QuickSys(Sys& sys) noexcept : sys_(&sys), real_(&sys == &real_sys()) {}

    template <class... Args>
    long operator()(long number, Args... args) noexcept {
        if (real_) [[likely]] return Sys::call_directly(number, args...);
        return (*sys_)(number, args...);
    }

private:
    Sys* sys_;
    bool real_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
