// SPDX-License-Identifier: BSL-1.0
// COIR_DEBUG=slow=20ms: says of a step that it does not end while it lasts, for a step that blocks for
// ever has no end at which it could be said.
//
//   the loop's thread: begins() -----------------------------> ends()
//   one thread of the process: looks every now and then at all loops: how long has this step lasted?
//
// Where the step is stuck is read from outside (thread_place.hpp): a signal would interrupt the call
// that is to be found, and change what the program does.
#pragma once

#include <coir/detail/futex_lock.hpp>
#include <coir/detail/intrusive_list.hpp>
#include <coir/detail/state.hpp>
#include <coir/time.hpp>

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace coir {
inline namespace v0 {
namespace detail {

class CreationTraces;
class Scheduler;

/// Of one loop. All but the look at it belongs to the loop's thread.
class StepWatch : public ListLink {
public:
    /// Starts the thread that looks; without one it watches nothing.
    explicit StepWatch(Nanoseconds threshold);
    StepWatch(const StepWatch&) = delete;
    StepWatch& operator=(const StepWatch&) = delete;
    ~StepWatch();

    /// The loop's thread has come to this task or callback.
    void begins(const ReadyEntry& entry, const CreationTraces* traces) noexcept;
    void ends() noexcept;

    /// What there is to say by `now`, by the clock of the kernel; empty: nothing.
    std::string look(std::int64_t now);
    Nanoseconds threshold() const noexcept { return threshold_; }

private:
    static constexpr int most_frames = 16;
    static constexpr int most_of_name = 96;

    const Nanoseconds threshold_;
    FutexLock lock_;  // what follows
    bool going_ = false;
    std::int64_t began_ = 0;
    std::int64_t said_at_ = 0;  // how long it had lasted when it was said last
    pid_t thread_ = 0;
    char who_[most_of_name] = {};
    void* created_at_[most_frames] = {};
    int created_frames_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
