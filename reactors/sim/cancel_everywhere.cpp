// SPDX-License-Identifier: BSL-1.0
// cancel_at_every_suspension(): one run for each wait of a function, which is cancelled there.
#include "outcome.hpp"

#include <coir/await.hpp>
#include <coir/coir.h>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/task.hpp>
#include <coir/testing.hpp>

#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

constexpr std::uint64_t never_cancelled = 0;

std::string which(std::uint64_t wait) {
    if (wait == never_cancelled) return "coir: cancel_at_every_suspension: not cancelled";
    return "coir: cancel_at_every_suspension: cancelled at wait " + std::to_string(wait);
}

/// A run of the function, with its task cancelled at one of its waits.
class Attempt {
public:
    Attempt(const std::function<void()>& f, std::uint64_t wait) : f_(f), wait_(wait) {}

    void operator()() {
        if (coir_on_switch(&Attempt::left, nullptr, this) != 0) throw std::bad_alloc();
        Task<void> task = create_task({.name = "cancelled at every wait"}, [this] { run_watched(); });
        try {
            await(task);
        } catch (const TaskCancelledError&) {
        }
        expect_alone();
    }
    /// How often the function has waited.
    std::uint64_t waits() const noexcept { return waits_; }

private:
    void run_watched() {
        struct Watch {
            Attempt& self;
            ~Watch() { self.task_ = {}; }
        } watch{*this};
        task_ = current_task();
        f_();
    }

    // Where it waits, all kinds of calls are on the stack: the cancel comes from outside.
    static void left(void* argument) {
        auto& self = *static_cast<Attempt*>(argument);
        if (!self.task_ || current_task() != self.task_) return;
        if (++self.waits_ != self.wait_) return;
        get_running_loop().call_soon([task = self.task_] { task.cancel(); });
    }

    void expect_alone() const {
        std::string names;
        for (const TaskRef& task : all_tasks()) {
            if (task != current_task()) names += (names.empty() ? "" : ", ") + task.name();
        }
        if (!names.empty()) throw std::runtime_error(which(wait_) + ", it left tasks behind: " + names);
    }

    const std::function<void()>& f_;
    const std::uint64_t wait_;
    std::uint64_t waits_ = 0;
    TaskRef task_;
};

std::uint64_t attempt(const std::function<void()>& f, const SimOptions& options, std::uint64_t wait) {
    Attempt attempt(f, wait);
    RunOptions run_options;
    run_options.on_deadlock = OnDeadlock::fail;
    std::exception_ptr error;
    const SimResult result =
        detail::simulate(options, [&] { coir::run(std::ref(attempt), run_options); }, error);
    if (error) {
        std::fprintf(stderr, "%s, it failed: %s\n", which(wait).c_str(),
                     coir::detail::sim::message_of(error).c_str());
        std::rethrow_exception(error);
    }
    if (result.open_descriptors != 0) {
        throw std::runtime_error(which(wait) + ", it left descriptors open: " +
                                 std::to_string(result.open_descriptors));
    }
    return attempt.waits();
}

}  // namespace

namespace detail {

std::uint64_t cancel_at_every_suspension(const std::function<void()>& f, const SimOptions& options) {
    const std::uint64_t waits = attempt(f, options, never_cancelled);
    // Whether there is a next one: cancelled later, it may wait more often, or less.
    for (std::uint64_t wait = 1; attempt(f, options, wait) >= wait; ++wait) {
    }
    return waits;
}

}  // namespace detail
}  // namespace testing
}  // namespace v0
}  // namespace coir
