// SPDX-License-Identifier: BSL-1.0
// Values that are made when they are first asked for, once, by code that may suspend.
#pragma once

#include <coir/detail/callback.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/handle.hpp>
#include <coir/detail/wait_queue.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace coir {
inline namespace v0 {
namespace detail {

/// Who may initialise: one at a time, until one has succeeded.
class COIR_API LazyGate {
public:
    LazyGate() = default;
    LazyGate(const LazyGate&) = delete;
    LazyGate& operator=(const LazyGate&) = delete;

    /// True when the caller is to initialise and then to call succeeded() or failed(). Throws
    /// InvalidStateError when the caller is just doing so.
    COIR_SUSPENDS bool enter();
    void succeeded() noexcept;
    void failed() noexcept;
    bool done() const noexcept { return done_; }

private:
    bool done_ = false;
    const TaskBase* initialiser_ = nullptr;  // who is at it, or has been chosen to be next
    WaitQueue waiters_;
    LoopMark mark_;
};

}  // namespace detail

/// A value that the first call of get() makes:
///
///     coir::Lazy<Pool> pool([] { return Pool::connect("db:5432"); });
///     ... pool.get().query(...)
///
/// In place of a local static whose initialiser waits, which C++ cannot have: a second task would
/// meet the lock of the first and block the thread (so use `static thread_local coir::Lazy<...>`; each
/// loop makes its own). Threads: one loop's at a time; debug mode tells uses from elsewhere. T may be
/// move-only or void (then something is done once).
template <class T>
class Lazy {
public:
    /// `make()` gives the value; it may suspend, and is destroyed when it has succeeded. Throws
    /// std::invalid_argument for one that is null or empty.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, Lazy> &&
                 std::is_invocable_r_v<T, std::decay_t<F>&>)
    explicit Lazy(F&& make) {
        detail::require_callable(make);
        make_ = std::make_unique<MakerOf<std::decay_t<F>>>(std::forward<F>(make));
    }
    Lazy(const Lazy&) = delete;
    Lazy& operator=(const Lazy&) = delete;

    /// The value. The first task that asks makes it, in that task: a limit or a cancellation is the
    /// initialiser's, and what it throws is thrown here, to this caller alone. Others wait, in FIFO
    /// order; after a failure the next one tries. Once there is a value this neither waits nor
    /// fails, but for a cancellation. InvalidStateError: the initialiser asks for its own value.
    COIR_SUSPENDS std::add_lvalue_reference_t<T> get() {
        if (gate_.enter()) make();
        if constexpr (!std::is_void_v<T>) return *value_;
    }
    /// Whether the value is there.
    bool ready() const noexcept { return gate_.done(); }

private:
    struct Maker {
        virtual ~Maker() = default;
        virtual void make(std::optional<detail::ValueOf<T>>& value) = 0;
    };
    template <class F>
    struct MakerOf final : Maker {
        explicit MakerOf(F&& f) : f_(std::move(f)) {}
        explicit MakerOf(const F& f) : f_(f) {}
        void make(std::optional<detail::ValueOf<T>>& value) override {
            if constexpr (std::is_void_v<T>) {
                std::invoke(f_);
                value.emplace();
            } else {
                value.emplace(std::invoke(f_));
            }
        }
        F f_;
    };

    void make() {
        struct Attempt {
            ~Attempt() {
                if (!made) gate.failed();
            }
            detail::LazyGate& gate;
            bool made = false;
        } attempt{gate_};
        make_->make(value_);
        attempt.made = true;
        gate_.succeeded();
        make_.reset();
    }

    detail::LazyGate gate_;
    std::unique_ptr<Maker> make_;
    std::optional<detail::ValueOf<T>> value_;
};

}  // namespace v0
}  // namespace coir
