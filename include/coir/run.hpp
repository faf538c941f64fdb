// SPDX-License-Identifier: BSL-1.0
// run(): a loop, a main task on it, and an orderly end.
//
// Behaviour: asyncio.run and asyncio.Runner. The first SIGINT or SIGTERM cancels the main task; if
// that ends it, Interrupted is thrown. The second one has its default effect.
#pragma once

#include <coir/event_loop.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace coir {
inline namespace v0 {

/// Runs main functions one after another on one loop, which is made at the first use. They share one
/// context, which begins as a copy of the calling thread's at the first run.
class COIR_API Runner {
public:
    explicit Runner(RunOptions options = {});
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    /// Closes the loop.
    ~Runner();

    /// Runs `main()` as the main task and returns its result or throws its exception. Throws
    /// Interrupted when a signal ended it, std::logic_error inside a running loop or after close().
    template <class F>
    auto run(F&& main) {
        EventLoop& on = prepare();
        TaskOptions options;
        options.name = "main";
        options.stack_size = options_.main_stack_size;
        auto task = on.create_task(options, std::forward<F>(main));
        run_main(TaskRef(task.ref()));
        return std::move(task).result();
    }
    /// The loop; made when it is not there yet.
    EventLoop& loop();
    /// Cancels and drains what is left, and closes the loop. Twice is harmless.
    void close();

private:
    EventLoop& prepare();
    void run_main(const TaskRef& main);

    RunOptions options_;
    std::unique_ptr<EventLoop> loop_;
    detail::ContextSlot context_;  // what the latest main task has left
    bool has_context_ = false;
    bool closed_ = false;
};

/// Makes a loop, runs `main()` as its main task, cancels and drains what is left, closes the loop,
/// and returns main's result or throws its exception. std::logic_error inside a running loop.
template <class F>
auto run(F&& main, RunOptions options = {}) -> std::invoke_result_t<std::decay_t<F>> {
    using Result = std::invoke_result_t<std::decay_t<F>>;
    Runner runner(std::move(options));
    if constexpr (std::is_void_v<Result>) {
        runner.run(std::forward<F>(main));
        runner.close();
    } else {
        Result result = runner.run(std::forward<F>(main));
        runner.close();
        return result;
    }
}

}  // namespace v0
}  // namespace coir
