// SPDX-License-Identifier: BSL-1.0
// A callable without parameters or result that can be moved and not copied, as
// std::move_only_function of C++23.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

class UniqueFunction {
public:
    UniqueFunction() noexcept = default;
    template <class F>
        requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
                 std::is_invocable_v<std::decay_t<F>&>)
    UniqueFunction(F&& f) : callable_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}

    explicit operator bool() const noexcept { return callable_ != nullptr; }
    /// Must not be called when empty.
    void operator()() { callable_->call(); }

private:
    struct Callable {
        Callable() = default;
        Callable(const Callable&) = delete;
        Callable& operator=(const Callable&) = delete;
        virtual ~Callable() = default;
        virtual void call() = 0;
    };
    template <class F>
    struct Holder final : Callable {
        template <class G>
        explicit Holder(G&& g) : f(std::forward<G>(g)) {}
        void call() override { static_cast<void>(std::invoke(f)); }
        F f;
    };
    std::unique_ptr<Callable> callable_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
