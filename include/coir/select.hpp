// SPDX-License-Identifier: BSL-1.0
// Waiting for the first of several channels, or for a time.
//
//     coir::select(coir::case_receive(jobs, [&](std::optional<Job> job) { ... }),
//                  coir::case_send(results, result, [&] { ... }),
//                  coir::case_timeout(1s, [&] { ... }));
//
// Threads: one loop's. Behaviour: Go's select.
#pragma once

#include <coir/channel.hpp>
#include <coir/detail/callback.hpp>
#include <coir/detail/config.hpp>
#include <coir/detail/item_queue.hpp>
#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>
#include <coir/time.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

template <class T>
struct ChannelAccess {
    static auto& queue(Channel<T>& channel) noexcept { return channel.queue_; }
};

/// One case of a select, for the time of the call.
class COIR_API SelectCase {
public:
    SelectCase() = default;
    SelectCase(const SelectCase&) = delete;
    SelectCase& operator=(const SelectCase&) = delete;
    virtual ~SelectCase();

    /// Whether it can be carried out now.
    virtual bool ready() = 0;
    /// Whether it is to be taken at once when no case is ready.
    virtual bool is_fallback() const noexcept { return false; }
    /// Carries out a case that is ready.
    virtual void carry_out() = 0;
    /// Stands among those who wait, with `node`.
    virtual void enqueue(TaskBase& self) = 0;
    virtual void withdraw() noexcept { static_cast<Waiter&>(node).unlink(); }
    /// Calls the function of the case that was chosen.
    virtual void finish() = 0;

    WaitNode node;
};

/// Waits until one case has been carried out; which one.
COIR_API COIR_SUSPENDS std::size_t select_one(SelectCase* const* cases, std::size_t count);

template <class T, class F>
class ReceiveCase final : public SelectCase {
public:
    template <class G>
    ReceiveCase(Channel<T>& channel, G&& f)
        : queue_(ChannelAccess<T>::queue(channel)), f_(std::forward<G>(f)) {
        node.slot = &value_;
    }
    bool ready() override {
        queue_.mark().check("select");
        return queue_.closed() || queue_.can_take();
    }
    void carry_out() override { queue_.try_take(value_, "select"); }
    void enqueue(TaskBase& self) override { queue_.enqueue_getter(node, self); }
    void finish() override { std::invoke(f_, std::move(value_)); }

private:
    ItemQueue<T, FifoItems<T>>& queue_;
    F f_;
    std::optional<T> value_;
};

template <class T, class F>
class SendCase final : public SelectCase {
public:
    template <class U, class G>
    SendCase(Channel<T>& channel, U&& value, G&& f)
        : queue_(ChannelAccess<T>::queue(channel)),
          f_(std::forward<G>(f)),
          value_(std::forward<U>(value)) {
        node.slot = &value_;
    }
    bool ready() override {
        queue_.mark().check("select");
        return queue_.closed() || queue_.can_put();
    }
    void carry_out() override {
        if (queue_.closed()) throw ChannelClosed();
        queue_.try_put(value_, "select");
    }
    void enqueue(TaskBase& self) override { queue_.enqueue_putter(node, self); }
    void finish() override {
        if (node.outcome == WaitOutcome::closed) throw ChannelClosed();
        std::invoke(f_);
    }

private:
    ItemQueue<T, FifoItems<T>>& queue_;
    F f_;
    T value_;
};

/// What TimeoutCase is, but for its function. A limit of 0 or less is a default.
class COIR_API TimerCase : public SelectCase {
public:
    explicit TimerCase(Nanoseconds limit) noexcept;
    ~TimerCase() override;
    bool ready() override { return false; }
    bool is_fallback() const noexcept override { return limit_.count() <= 0; }
    void carry_out() override {}
    void enqueue(TaskBase& self) override;
    void withdraw() noexcept override;

private:
    struct Timer : TimerNode {
        TimerCase* owner = nullptr;
    };
    static void fire(TimerNode& timer) noexcept;

    const Nanoseconds limit_;
    Timer timer_;
    std::uint64_t due_turn_ = 0;  // when the timer fired first; 0: it has not
};

template <class F>
class TimeoutCase final : public TimerCase {
public:
    template <class G>
    TimeoutCase(Nanoseconds limit, G&& f) : TimerCase(limit), f_(std::forward<G>(f)) {}
    void finish() override { std::invoke(f_); }

private:
    F f_;
};

}  // namespace detail

/// Receives from `channel` and calls `f(std::optional<T>)`: with nothing when the channel is closed
/// and empty, which counts as ready. For the arguments of select(). The channel must outlive the
/// call. std::invalid_argument for an `f` that is null or empty.
template <class T, class F>
auto case_receive(Channel<T>& channel, F&& f) {
    static_assert(std::is_invocable_v<std::decay_t<F>&, std::optional<T>>,
                  "coir: the function of case_receive takes a std::optional of the channel's type, "
                  "which is empty when the channel has been closed");
    detail::require_callable(f);
    return detail::ReceiveCase<T, std::decay_t<F>>(channel, std::forward<F>(f));
}

/// Sends `value` to `channel` and calls `f()`. When the channel is closed, select() throws
/// ChannelClosed. The value of a case that is not chosen is destroyed.
template <class T, class U, class F>
    requires std::constructible_from<T, U&&>
auto case_send(Channel<T>& channel, U&& value, F&& f) {
    detail::check_callback<F>();
    detail::require_callable(f);
    return detail::SendCase<T, std::decay_t<F>>(channel, std::forward<U>(value),
                                                std::forward<F>(f));
}

/// Calls `f()` when no other case was ready for so long; for 0 or less, if none is at once. A case
/// that becomes ready in the same turn of the loop wins.
template <class Rep, class Period, class F>
auto case_timeout(std::chrono::duration<Rep, Period> duration, F&& f) {
    detail::check_callback<F>();
    detail::require_callable(f);
    return detail::TimeoutCase<std::decay_t<F>>(to_nanoseconds(duration), std::forward<F>(f));
}

/// Calls `f()` when no other case is ready: select() does not wait then.
template <class F>
auto case_default(F&& f) {
    return case_timeout(Nanoseconds(0), std::forward<F>(f));
}

/// Carries out one of the cases, waiting until one is ready, then calls its function, in this task;
/// returns which it was, counted from 0. Of several that are ready one is drawn, each with the same
/// chance, so that none starves; to prefer one, try it first (try_receive). While it waits, it
/// stands in the queues of all its channels in the order of its coming. The other cases have no
/// effect: nothing is received or sent twice, or lost. Throws what the function throws, CancelledError
/// (then no case has been carried out), ChannelClosed, std::logic_error outside a task.
template <class... Cases>
    requires(sizeof...(Cases) > 0 && (std::derived_from<Cases, detail::SelectCase> && ...))
COIR_SUSPENDS std::size_t select(Cases&&... cases) {
    detail::SelectCase* const all[] = {&cases...};
    const std::size_t chosen = detail::select_one(all, sizeof...(Cases));
    all[chosen]->finish();
    return chosen;
}

}  // namespace v0
}  // namespace coir
