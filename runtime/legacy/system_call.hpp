// SPDX-License-Identifier: BSL-1.0
// What stands in for a function of libc that cannot be found (yet): the system call of its row in the
// table, or ENOSYS.
#pragma once

#include "../calls/direct.hpp"

#include <coir/detail/sys.hpp>

#include <cerrno>
#include <type_traits>

namespace coir_legacy {

inline long missing() noexcept {
    errno = ENOSYS;
    return -1;
}
inline void* missing_pointer() noexcept {
    errno = ENOSYS;
    return nullptr;
}

// The system call itself, with libc's conventions.
template <long Number, class Function>
struct SystemCall;
template <long Number, class Result, class... Args>
struct SystemCall<Number, Result(Args...)> {
    static Result call(Args... args) {
        using namespace coir::detail;
        return static_cast<Result>(calls::to_libc(real_sys()(Number, args...)));
    }
    static void* address() noexcept {
        if constexpr (std::is_pointer_v<Result>) {
            return reinterpret_cast<void*>(&missing_pointer);
        } else if constexpr (Number < 0) {
            return reinterpret_cast<void*>(&missing);
        } else {
            return reinterpret_cast<void*>(&call);
        }
    }
};
template <long Number, class... Args>
struct SystemCall<Number, void(Args...)> {
    static void* address() noexcept { return reinterpret_cast<void*>(&missing); }
};

}  // namespace coir_legacy
