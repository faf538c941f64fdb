// SPDX-License-Identifier: BSL-1.0
// See loop_hooks.hpp.
#include "loop_hooks.hpp"

#include "scheduler.hpp"

#include <algorithm>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

LoopHooks::LoopHooks() noexcept {
    check_.hooks = this;
    check_.run = [](ReadyEntry& entry) noexcept {
        auto& self = static_cast<CheckEntry&>(entry);
        self.queued = false;
        self.hooks->run_phase(HookPhase::check);
    };
}

LoopHooks::~LoopHooks() { clear(); }

std::uint64_t LoopHooks::add(HookPhase phase, CallbackBase& callback) {
    phases_[static_cast<std::size_t>(phase)].push_back({++last_id_, &callback});
    return last_id_;
}

bool LoopHooks::remove(std::uint64_t id) noexcept {
    for (std::vector<Hook>& hooks : phases_) {
        const auto found = std::find_if(hooks.begin(), hooks.end(),
                                        [id](const Hook& hook) { return hook.id == id; });
        if (found == hooks.end() || !found->callback) continue;
        std::exchange(found->callback, nullptr)->drop_ref();
        if (!running_) hooks.erase(found);
        return true;
    }
    return false;
}

void LoopHooks::clear() noexcept {
    for (std::vector<Hook>& hooks : phases_) {
        for (Hook& hook : hooks) {
            if (CallbackBase* callback = std::exchange(hook.callback, nullptr)) callback->drop_ref();
        }
        hooks.clear();
    }
}

// By index: hooks may add hooks, which wait for the next turn, and remove any.
void LoopHooks::run_phase(HookPhase phase) noexcept {
    std::vector<Hook>& hooks = phases_[static_cast<std::size_t>(phase)];
    if (hooks.empty()) return;
    running_ = true;
    const std::size_t count = hooks.size();
    for (std::size_t i = 0; i < count; ++i) {
        CallbackBase* callback = hooks[i].callback;
        if (!callback) continue;
        callback->add_ref();  // it may remove itself
        callback->call();
        callback->drop_ref();
    }
    running_ = false;
    // A hook of one phase may have removed hooks of another.
    for (std::vector<Hook>& each : phases_) {
        std::erase_if(each, [](const Hook& hook) { return !hook.callback; });
    }
}

void LoopHooks::before_poll() noexcept {
    run_phase(HookPhase::idle);
    run_phase(HookPhase::prepare);
}

ReadyEntry* LoopHooks::after_poll() noexcept {
    if (check_.queued || phases_[static_cast<std::size_t>(HookPhase::check)].empty()) return nullptr;
    check_.queued = true;
    return &check_;
}

std::uint64_t add_hook(CallbackBase& callback, HookPhase phase) {
    return callback.scheduler().hooks().add(phase, callback);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
