// SPDX-License-Identifier: BSL-1.0
// Asio's asynchronous operations in tasks: `socket.async_read_some(buffer, coir::use_await)` suspends the task
// until the operation is done and returns what the handler would have been given, without the error code,
// which is thrown as a system_error.
//
// For the standalone Asio (asio.hpp) and Boost.Asio: whichever is included before this header, otherwise the
// standalone one where it is there. One of them in a program.
//
// Threads: the io_context runs on a thread of its own, or on several; the task stays on its loop. Asio's objects
// are no more thread-safe than before: one that two use needs a strand. Cancelling the task cancels the
// operation, on its object's executor (Asio 1.20 and Boost 1.77 or newer; older ones let it end by itself), and
// waits for its end. An operation that ends well all the same returns, and the request stays pending.
#pragma once

#include <coir/await.hpp>
#include <coir/detail/state.hpp>
#include <coir/detail/thread_result.hpp>
#include <coir/error.hpp>

#if !defined(ASIO_VERSION) && !defined(BOOST_ASIO_VERSION)
#if __has_include(<asio.hpp>)
#include <asio.hpp>
#elif __has_include(<boost/asio.hpp>)
#include <boost/asio.hpp>
#else
#error "<coir/interop/asio.hpp> needs Asio or Boost.Asio (Debian: libasio-dev or libboost-dev)"
#endif
#endif

#if defined(ASIO_VERSION)
#define COIR_ASIO asio
#define COIR_ASIO_CAN_CANCEL (ASIO_VERSION >= 102000)
#else
#define COIR_ASIO boost::asio
#define COIR_ASIO_CAN_CANCEL (BOOST_ASIO_VERSION >= 102000)
#endif

#include <atomic>
#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

#if defined(ASIO_VERSION)
using AsioErrorCode = ::asio::error_code;
using AsioSystemError = ::asio::system_error;
#else
using AsioErrorCode = ::boost::system::error_code;
using AsioSystemError = ::boost::system::system_error;
#endif

/// See use_await.
struct use_await_t {
    constexpr use_await_t() noexcept = default;
    /// `use_await[code]`: the error code is stored there (a success clears it) and not thrown.
    constexpr use_await_t operator[](AsioErrorCode& to) const noexcept {
        use_await_t token;
        token.code = &to;
        return token;
    }

    /// An executor, and with it the types of I/O objects, whose operations take use_await by default.
    template <class Executor>
    struct executor_with_default : Executor {
        using default_completion_token_type = use_await_t;
        executor_with_default(const Executor& executor) noexcept : Executor(executor) {}
        template <class Other>
            requires(!std::is_same_v<Other, executor_with_default> &&
                     std::is_convertible_v<const Other&, Executor>)
        executor_with_default(const Other& executor) noexcept : Executor(executor) {}
    };
    template <class Object>
    using as_default_on_t = typename Object::template rebind_executor<
        executor_with_default<typename Object::executor_type>>::other;
    /// The I/O object, moved into one whose operations need no token.
    template <class Object>
    static as_default_on_t<std::decay_t<Object>> as_default_on(Object&& object) {
        return as_default_on_t<std::decay_t<Object>>(std::forward<Object>(object));
    }

    AsioErrorCode* code = nullptr;
};

/// The completion token. The operation is begun in the task, which is then suspended. Throws what the operation
/// fails with: AsioSystemError, or the exception that its handler would have been given. CancelledError: the
/// task was cancelled, and so was the operation. BrokenPromise: the io_context went without calling
/// the handler. std::logic_error outside a task.
inline constexpr use_await_t use_await{};

namespace detail {

/// What a handler is given: perhaps an error first, then values.
template <class... Arguments>
struct AsioArguments {
    using Values = std::tuple<std::decay_t<Arguments>...>;
    static constexpr bool has_code = false;
    static constexpr bool has_exception = false;
};
template <class... Arguments>
struct AsioArguments<AsioErrorCode, Arguments...> : AsioArguments<Arguments...> {
    static constexpr bool has_code = true;
};
template <class... Arguments>
struct AsioArguments<std::exception_ptr, Arguments...> : AsioArguments<Arguments...> {
    static constexpr bool has_exception = true;
};

/// An operation under way. Counted: one reference is the task's, one the handler's.
template <class Executor, class... Arguments>
class AsioOperation final : public ThreadResultBase {
    using Form = AsioArguments<std::decay_t<Arguments>...>;

public:
    explicit AsioOperation(Executor executor)
        : ThreadResultBase(nullptr), executor_(std::move(executor)) {}

#if COIR_ASIO_CAN_CANCEL
    COIR_ASIO::cancellation_slot slot() noexcept { return signal_.slot(); }
#endif

    /// The handler was called. Any thread.
    template <class First, class... Others>
        requires(Form::has_code)
    void finish(First&& code, Others&&... values) {
        code_ = code;
        values_.emplace(std::forward<Others>(values)...);
        const bool aborted = code == COIR_ASIO::error::operation_aborted && was_cancelled();
        complete(aborted ? Outcome::cancelled : Outcome::value, nullptr, {});
    }
    template <class First, class... Others>
        requires(Form::has_exception)
    void finish(First&& error, Others&&... values) {
        if (error) return fail(std::forward<First>(error));
        values_.emplace(std::forward<Others>(values)...);
        complete(Outcome::value, nullptr, {});
    }
    template <class... All>
        requires(!Form::has_code && !Form::has_exception)
    void finish(All&&... values) {
        values_.emplace(std::forward<All>(values)...);
        complete(Outcome::value, nullptr, {});
    }
    void fail(std::exception_ptr error) noexcept { complete(Outcome::error, std::move(error), {}); }

    /// Once done: what there is to throw, or the values.
    auto take(AsioErrorCode* code) {
        claim();
        if (code) {
            *code = code_;
        } else if (code_) {
            throw AsioSystemError(code_);
        }
        if constexpr (std::tuple_size_v<typename Form::Values> == 1) {
            return std::move(std::get<0>(*values_));
        } else if constexpr (std::tuple_size_v<typename Form::Values> > 1) {
            return std::move(*values_);
        }
    }

private:
    bool was_cancelled() noexcept { return cancel_asked_.load(std::memory_order_acquire); }
    // With the lock held: only sent on its way. Asio wants it where the object's other work is done.
    void cancel_requested(std::string&&) noexcept override {
        if (cancel_asked_.exchange(true)) return;
#if COIR_ASIO_CAN_CANCEL
        add_ref();
        const auto kept = StateRef<AsioOperation>::adopt(this);
        try {
            COIR_ASIO::post(executor_, [kept] {
                if (!kept->done()) kept->signal_.emit(COIR_ASIO::cancellation_type::terminal);
            });
        } catch (...) {
            // No memory: then the operation ends by itself.
        }
#endif
    }

    const Executor executor_;
    std::atomic<bool> cancel_asked_{false};
    AsioErrorCode code_;
    std::optional<typename Form::Values> values_;
#if COIR_ASIO_CAN_CANCEL
    COIR_ASIO::cancellation_signal signal_;
#endif
};

/// What Asio calls. One that is dropped instead says so.
template <class Operation>
class AsioHandler {
public:
    explicit AsioHandler(StateRef<Operation> operation) noexcept : operation_(std::move(operation)) {}
    AsioHandler(AsioHandler&&) noexcept = default;
    AsioHandler& operator=(AsioHandler&&) noexcept = default;
    ~AsioHandler() {
        if (operation_) operation_->fail(std::make_exception_ptr(BrokenPromise()));
    }

#if COIR_ASIO_CAN_CANCEL
    using cancellation_slot_type = COIR_ASIO::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return operation_->slot(); }
#endif

    template <class... Arguments>
    void operator()(Arguments&&... arguments) {
        const auto operation = std::move(operation_);
        operation->finish(std::forward<Arguments>(arguments)...);
    }

private:
    StateRef<Operation> operation_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir

/// How Asio asks a token what to do: begin the operation, and return what its caller gets.
template <class Result, class... Arguments>
class COIR_ASIO::async_result<coir::use_await_t, Result(Arguments...)> {
public:
    template <class Initiation, class... InitiationArguments>
    COIR_SUSPENDS static auto initiate(Initiation&& initiation, coir::use_await_t token,
                                       InitiationArguments&&... arguments) {
        namespace detail = coir::detail;
        coir::checkpoint();
        auto executor = COIR_ASIO::get_associated_executor(initiation);
        using Operation = detail::AsioOperation<decltype(executor), Arguments...>;
        auto* const made = new Operation(std::move(executor));
        const auto operation = detail::StateRef<Operation>::adopt(made);
        std::forward<Initiation>(initiation)(
            detail::AsioHandler<Operation>(detail::StateRef<Operation>::adopt(made)),
            std::forward<InitiationArguments>(arguments)...);
        operation->await_done();
        return operation->take(token.code);
    }
};
