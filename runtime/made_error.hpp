// SPDX-License-Identifier: BSL-1.0
// Errors that are made where nothing may be thrown.
#pragma once

#include <exception>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// An E(args...); where there is no memory for one, std::bad_alloc in its place.
template <class E, class... Args>
std::exception_ptr made_error(Args&&... args) noexcept {
    try {
        throw E(std::forward<Args>(args)...);
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
