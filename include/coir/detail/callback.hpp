// SPDX-License-Identifier: BSL-1.0
// Callbacks in the ready queue and the timer heap. Internal; the handles are in event_loop.hpp.
#pragma once

#include <coir/detail/state.hpp>
#include <coir/time.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

/// A member of a loop's timer heap. `fire` runs on the loop with the timer already removed.
struct TimerNode {
    static constexpr std::uint32_t unarmed = ~std::uint32_t{0};
    std::uint32_t heap_index = unarmed;
    void (*fire)(TimerNode&) noexcept = nullptr;
    std::uint64_t sequence = 0;  ///< the heap's: which arming this is
};

/// A timer that strikes one turn after its time, so that what becomes ready together with it runs
/// first. Its `fire` asks strikes().
struct DeadlineTimer : TimerNode {
    std::uint64_t due_turn = 0;  ///< when it fired first; 0: it has not
    /// True: the time has come. False: it has been armed again for the next turn.
    bool strikes(Scheduler& scheduler) noexcept;
};

/// One callback. Two references: the queue's and the handle's.
class COIR_API CallbackBase : public ReadyEntry {
public:
    CallbackBase(const CallbackBase&) = delete;
    CallbackBase& operator=(const CallbackBase&) = delete;

    void add_ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_ref() noexcept {
        if (references_.load(std::memory_order_acquire) == 1 ||
            references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            dispose();
        }
    }
    bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
    void cancel() noexcept;
    TimePoint when() const noexcept { return when_; }
    Scheduler& scheduler() const noexcept { return *scheduler_; }
    /// The context that it runs in: a copy of the current one, taken by queue_callback() and the like.
    ContextSlot& variables() noexcept { return variables_; }

protected:
    explicit CallbackBase(Scheduler& scheduler) noexcept : scheduler_(&scheduler) {}
    virtual ~CallbackBase();
    virtual void invoke() = 0;

private:
    friend class Scheduler;
    void dispose() noexcept;
    void call_inline() noexcept;

    std::atomic<std::uint32_t> references_{2};
    std::atomic<bool> cancelled_{false};
    bool pooled_ = false;  // else from operator new: made on another thread
    std::uint16_t block_class_ = 0;
    Scheduler* scheduler_;
    TimePoint when_{};
    TimerNode timer_;
    ContextSlot variables_;

public:
    static CallbackBase* from_timer(TimerNode& node) noexcept;
    void set_block_class(std::uint16_t block_class) noexcept {
        block_class_ = block_class;
        pooled_ = true;
    }
    /// Runs it unless it is cancelled or the loop closed; what it throws goes to the handler.
    void call() noexcept;
    void run_and_release() noexcept;
    void arm(TimePoint when);
    /// For those that other threads make (runtime/post_memory.cpp).
    static void* operator new(std::size_t size);
    static void operator delete(void* memory, std::size_t size) noexcept;
    static void* operator new(std::size_t size, std::align_val_t alignment);
    static void operator delete(void* memory, std::size_t size, std::align_val_t alignment) noexcept;
};

template <class F>
class CallbackImpl final : public CallbackBase {
public:
    template <class G>
    CallbackImpl(Scheduler& scheduler, G&& f) : CallbackBase(scheduler), f_(std::forward<G>(f)) {}
    static CallbackImpl* adopt(CallbackImpl* callback, std::uint16_t block_class) noexcept {
        callback->set_block_class(block_class);
        return callback;
    }

private:
    ~CallbackImpl() override = default;
    void invoke() override { f_(); }
    F f_;
};

template <class F>
constexpr void check_callback() {
    static_assert(std::is_invocable_v<std::decay_t<F>&>,
                  "coir: a callback takes no arguments; bind them in a lambda");
}

/// Throws std::invalid_argument for a callable that can be empty and is. `what`: "a callback".
template <class F>
void require_callable(const F& f, const char* what = "a callback") {
    if constexpr (requires { static_cast<bool>(f); } && !std::is_class_v<F>) {
        if (!f) throw std::invalid_argument(std::string("coir: ") + what + " must not be null");
    } else if constexpr (requires { f.target_type(); static_cast<bool>(f); }) {
        if (!f) throw std::invalid_argument(std::string("coir: ") + what + " must not be empty");
    }
}

/// What add_signal_handler() was given.
class COIR_API SignalCallback {
public:
    SignalCallback() = default;
    SignalCallback(const SignalCallback&) = delete;
    SignalCallback& operator=(const SignalCallback&) = delete;
    virtual ~SignalCallback();
    virtual void call(int signo) = 0;
};

template <class F>
class SignalCallbackImpl final : public SignalCallback {
public:
    static_assert(std::is_invocable_v<F&> || std::is_invocable_v<F&, int>,
                  "coir: a signal handler takes nothing, or the signal's number");
    template <class G>
    explicit SignalCallbackImpl(G&& f) : f_(std::forward<G>(f)) {}
    void call(int signo) override {
        if constexpr (std::is_invocable_v<F&, int>) {
            f_(signo);
        } else {
            f_();
        }
    }

private:
    F f_;
};

COIR_API void queue_callback(CallbackBase& callback);
COIR_API void queue_callback_threadsafe(CallbackBase& callback);
COIR_API void queue_timer(CallbackBase& callback, TimePoint when);

/// Which way a descriptor is watched.
enum class FdSide : std::uint8_t { read, write };
COIR_API void watch_fd(CallbackBase& callback, int fd, FdSide side);

/// When a hook is called.
enum class HookPhase : std::uint8_t { idle, prepare, check };
COIR_API std::uint64_t add_hook(CallbackBase& callback, HookPhase phase);

}  // namespace detail
}  // namespace v0
}  // namespace coir
