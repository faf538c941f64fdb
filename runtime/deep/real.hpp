// SPDX-License-Identifier: BSL-1.0
// What stands behind a function of this library: libcoir-legacy's, or libc's.
#pragma once

#include <dlfcn.h>

namespace coir_deep {

/// The function of the type of `like` and this name. It is looked up once for each place of use.
template <class F>
class Behind {
public:
    explicit constexpr Behind(const char* name) noexcept : name_(name) {}
    template <class... Args>
    auto operator()(Args... args) noexcept(false) {
        if (!function_) function_ = reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name_));
        return function_(args...);
    }

private:
    const char* name_;
    F* function_ = nullptr;
};

}  // namespace coir_deep
