// SPDX-License-Identifier: BSL-1.0
// The hooks of a loop's turn, libuv's phases: idle and prepare before the loop looks at the world,
// check behind what that look has made ready.
//
// Threads: the loop's.
#pragma once

#include <coir/detail/callback.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

class LoopHooks {
public:
    LoopHooks() noexcept;
    LoopHooks(const LoopHooks&) = delete;
    LoopHooks& operator=(const LoopHooks&) = delete;
    ~LoopHooks();

    /// Takes over a reference to `callback`.
    std::uint64_t add(HookPhase phase, CallbackBase& callback);
    bool remove(std::uint64_t id) noexcept;
    void clear() noexcept;

    bool any_idle() const noexcept { return !phases_[0].empty(); }
    /// Before the loop looks: the idle hooks, then the prepare hooks.
    void before_poll() noexcept;
    /// Behind what has come, ahead of the timers: the entry that will run the check hooks; null when
    /// there are none or it is queued already.
    ReadyEntry* after_poll() noexcept;
    /// Whether `entry`, the first of the ready queue, is that entry and alone.
    bool is_all(const ReadyEntry* entry) const noexcept {
        return entry == &check_ && !entry->next_ready;
    }

private:
    struct Hook {
        std::uint64_t id;
        CallbackBase* callback;  ///< null: removed while the phase ran
    };
    struct CheckEntry : ReadyEntry {
        LoopHooks* hooks = nullptr;
        bool queued = false;
    };
    void run_phase(HookPhase phase) noexcept;

    std::vector<Hook> phases_[3];
    bool running_ = false;
    std::uint64_t last_id_ = 0;
    CheckEntry check_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
