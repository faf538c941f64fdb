// SPDX-License-Identifier: BSL-1.0
// See step_watch.hpp.
#include "step_watch.hpp"

#include "backtrace.hpp"
#include "creation_traces.hpp"
#include "duration.hpp"
#include "scheduler.hpp"
#include "signal_mask.hpp"
#include "thread_place.hpp"

#include <coir/legacy.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// A step that goes on is said again when it has lasted so many times as long.
constexpr std::int64_t again_after = 10;

// Guarded by the lock. Never destroyed: the thread goes on until the process ends.
struct Watches {
    IntrusiveList<StepWatch> all;
    pid_t process = 0;  // whose thread it is; a child of a fork has none
    Nanoseconds pause = std::chrono::milliseconds(100);
};
constinit FutexLock lock;
constinit MadeOnce<Watches> watches;
constinit std::atomic<std::uint32_t> shorter_pause{0};

std::int64_t now_by_kernel() noexcept {
    timespec time{};
    real_sys()(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Under the lock a watch cannot end. What is said may be handled by the program, which may end one.
std::vector<std::string> look_at_all() {
    const std::lock_guard held(lock);
    std::vector<std::string> lines;
    IntrusiveList<StepWatch>& all = watches.get().all;
    for (StepWatch* watch = all.front(); watch; watch = all.next(*watch)) {
        std::string line = watch->look(now_by_kernel());
        if (!line.empty()) lines.push_back(std::move(line));
    }
    return lines;
}

Nanoseconds pause_now() noexcept {
    const std::lock_guard held(lock);
    return watches.get().pause;
}

void look_for_ever() noexcept {
    for (;;) {
        futex_wait(shorter_pause, shorter_pause.load(), pause_now());
        try {
            for (const std::string& line : look_at_all()) log(LogLevel::warning, line);
        } catch (const std::bad_alloc&) {
            // Then it is said later, or not at all.
        }
    }
}

void start_looking() {
    // What libcoir-deep makes of pthread_create would be a task.
    const blocking_region region;
    const SignalsLeftToOthers no_signals;
    std::thread(look_for_ever).detach();
}

}  // namespace

StepWatch::StepWatch(Nanoseconds threshold) : threshold_(threshold) {
    const std::lock_guard held(lock);
    Watches& state = watches.get();
    const auto process = static_cast<pid_t>(real_sys()(SYS_getpid));
    if (state.process != process) {
        try {
            start_looking();
            state.process = process;
        } catch (const std::exception&) {
            return;  // no thread: what is slow is said at its end
        }
    }
    state.all.push_back(*this);
    constexpr Nanoseconds least = std::chrono::milliseconds(1);
    state.pause = std::min(state.pause, std::max(threshold / 2, least));
    shorter_pause.fetch_add(1);
    futex_wake(shorter_pause, 1);
}

StepWatch::~StepWatch() {
    const std::lock_guard held(lock);
    if (linked()) unlink();
}

void StepWatch::begins(const ReadyEntry& entry, const CreationTraces* traces) noexcept {
    const std::lock_guard held(lock_);
    going_ = true;
    began_ = now_by_kernel();
    said_at_ = 0;
    thread_ = static_cast<pid_t>(real_sys()(SYS_gettid));
    created_frames_ = 0;
    if (entry.run) {
        std::snprintf(who_, sizeof who_, "a callback");
        return;
    }
    const auto& task = static_cast<const TaskBase&>(entry);
    try {
        std::snprintf(who_, sizeof who_, "task '%s'", task.name().c_str());
    } catch (const std::bad_alloc&) {
        std::snprintf(who_, sizeof who_, "a task");
    }
    if (traces) created_frames_ = traces->copy(dynamic_cast<const void*>(&task), created_at_, most_frames);
}

void StepWatch::ends() noexcept {
    const std::lock_guard held(lock_);
    going_ = false;
}

std::string StepWatch::look(std::int64_t now) {
    const std::lock_guard held(lock_);
    const std::int64_t took = now - began_;
    if (!going_ || took < std::max(threshold_.count(), said_at_ * again_after)) return {};
    said_at_ = took;
    std::string line = std::string("coir: a step of ") + who_ + " has lasted " + describe_duration(Nanoseconds(took)) +
                       " and goes on; " + describe_place(thread_);
    if (created_frames_ > 0) {
        line += creation_note(describe_frames(created_at_, created_frames_, "  called from "));
    }
    return line + "\n  all of it: gdb -p " + std::to_string(real_sys()(SYS_getpid)) +
           " -batch -ex 'thread apply all bt'";
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
