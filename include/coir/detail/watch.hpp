// SPDX-License-Identifier: BSL-1.0
// Looking on while states end, without cancelling any. Internal; under wait and as_completed.
#pragma once

#include <coir/detail/config.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/join.hpp>
#include <coir/time_limit.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {

enum class ReturnWhen : std::uint8_t;

namespace detail {

/// A set of states, of which duplicates count once. They must outlive it.
class COIR_API Watch final : public JoinCore {
public:
    /// Throws WrongThreadError for a state of another loop and InvalidStateError for the current
    /// task; `call` is named.
    Watch(const std::vector<StateBase*>& states, const char* call);
    /// A task that waits in it gets InvalidStateError.
    ~Watch() override;

    std::size_t size() const noexcept { return size_; }
    /// Suspends the current task until there is what `when` asks for, or the time is over.
    COIR_SUSPENDS void wait(ReturnWhen when, TimeLimit limit);
    /// Suspends the current task until one more has ended, and returns its index; they come in the
    /// order in which they ended, those that had before in the order of the arguments. Throws
    /// TimeoutError when there is none and the time is over, once for each that is left. Not more
    /// often than size() times.
    COIR_SUSPENDS std::size_t next(TimePoint deadline);
    /// How often next() can be called yet.
    std::size_t left() const noexcept { return left_; }
    /// The indices of all, each once: tasks from the oldest to the youngest, futures, which have no
    /// age, in the order of the arguments.
    std::vector<std::size_t> oldest_first() const;

private:
    struct Pause;
    void child_done(JoinedChild& child) noexcept override;
    bool enough() const noexcept;
    bool pause(TaskBase& self, TimePoint deadline);
    void give_up() noexcept;

    const char* call_;
    std::unique_ptr<JoinedChild[]> children_;
    std::size_t size_ = 0;
    std::size_t pending_ = 0;
    std::size_t errors_ = 0;
    std::size_t left_ = 0;
    ReturnWhen when_;
    Pause* pause_ = nullptr;  // of the task that waits
    IntrusiveList<Waiter> ended_;  // for next()
    bool timed_out_ = false;       // next() has thrown TimeoutError
};

/// The clock of the loop that runs here, which `call` needs: std::logic_error without one.
COIR_API TimePoint loop_now(const char* call);

}  // namespace detail
}  // namespace v0
}  // namespace coir
