// SPDX-License-Identifier: BSL-1.0
// Outcome: how a job ended, as a value.
#pragma once

#include <coir/detail/handle.hpp>
#include <coir/error.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// The end of a job that has a result of type T: a value, an exception, or a cancellation by
/// somebody else. A plain value: it may be copied and moved if T may, and outlives the loop; copies
/// share the exception. Made by gather_settled().
template <class T>
class Outcome {
    using Stored = detail::StoredValue<T>;

public:
    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    /// Whether the job ended cancelled.
    bool cancelled() const noexcept { return cancelled_; }
    /// What the job threw; a TaskCancelledError for a cancelled one; null when there is a value.
    /// InvalidStateError: the job's value had been moved out before.
    const std::exception_ptr& exception() const noexcept { return exception_; }

    /// The value (std::monostate for void). Throws exception() when there is none.
    decltype(auto) value() const& {
        throw_unless_value();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(value_->get());
        } else {
            return static_cast<const Stored&>(*value_);
        }
    }
    decltype(auto) value() & {
        throw_unless_value();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(value_->get());
        } else {
            return static_cast<Stored&>(*value_);
        }
    }
    detail::ValueOf<T> value() && {
        throw_unless_value();
        if constexpr (std::is_reference_v<T>) {
            return value_->get();
        } else {
            return std::move(*value_);
        }
    }

    // Internal: of a done state.
    template <class State>
    explicit Outcome(std::in_place_t, State& state) {
        try {
            state.throw_unless_value(true);
            if constexpr (std::is_void_v<T>) {
                value_.emplace();
            } else {
                value_.emplace(detail::take_value<T>(state, true));
            }
        } catch (...) {
            exception_ = std::current_exception();
            cancelled_ = state.outcome() == detail::Outcome::cancelled;
        }
    }

private:
    void throw_unless_value() const {
        if (!value_) std::rethrow_exception(exception_);
    }

    std::optional<Stored> value_;
    std::exception_ptr exception_;
    bool cancelled_ = false;
};

}  // namespace v0
}  // namespace coir
