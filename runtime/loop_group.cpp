// SPDX-License-Identifier: BSL-1.0
// LoopGroup: threads with a loop each.
//
//   open --shutdown() | the loop fails--> closing: servers, then tasks --> ended: joined
#include "loop_group.hpp"

#include "scheduler.hpp"
#include "signal_mask.hpp"

#include <coir/error.hpp>
#include <coir/legacy.hpp>
#include <coir/log.hpp>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>

#include <pthread.h>
#include <sched.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

unsigned usable_processors() noexcept {
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
    }
    return std::max(1u, std::thread::hardware_concurrency());
}

void log_failure(const char* message, const std::exception_ptr& error) noexcept {
    try {
        log(LogLevel::error, describe({message, error, {}}));
    } catch (const std::exception&) {
        // No memory for a report about an error.
    }
}

}  // namespace

LoopGroupCore::LoopGroupCore(unsigned loops, const RunOptions& options) {
    constexpr unsigned most = 1024;
    if (loops > most) {
        throw std::invalid_argument("coir: a group of " + std::to_string(loops) +
                                    " loops; at most " + std::to_string(most) + " are possible");
    }
    if (loops == 0) loops = usable_processors();
    for (unsigned i = 0; i < loops; ++i) {
        auto member = std::make_unique<Member>();
        member->loop = std::make_unique<EventLoop>(options);
        members_.push_back(std::move(member));
    }
}

LoopGroupCore::~LoopGroupCore() {
    // Joined, but for the thread that has dropped the last reference itself.
    for (const auto& member : members_) {
        if (member->thread.joinable()) member->thread.detach();
    }
}

void LoopGroupCore::start(const std::shared_ptr<LoopGroupCore>& self) {
    const SignalsLeftToOthers no_signals;
    try {
        for (std::size_t i = 0; i < self->members_.size(); ++i) {
            Member& member = *self->members_[i];
            member.end = StateRef<End>::adopt(new End);
            try {
                member.thread = std::thread([self, &member] { self->run(member); });
            } catch (...) {
                member.end->drop_ref();  // the thread's
                throw;
            }
            ::pthread_setname_np(member.thread.native_handle(),
                                 ("coir-loop-" + std::to_string(i)).c_str());
        }
    } catch (...) {
        self->shutdown();  // those that there are
        throw;
    }
}

void LoopGroupCore::run(Member& member) noexcept {
    try {
        member.loop->run_forever();
    } catch (...) {
        member.failure = std::current_exception();
        {
            const std::lock_guard lock(failing_);
            if (!first_failure_) first_failure_ = member.failure;
        }
        log_failure("a loop of a group has failed", member.failure);
    }
    member.open = false;
    for (const auto& slot : member.servers) slot->server = Server();
    try {
        member.loop->close();
    } catch (...) {
        log_failure("closing a loop of a group failed", std::current_exception());
    }
    member.end->reached();
    member.end->drop_ref();
}

std::size_t LoopGroupCore::least_loaded() {
    const std::size_t first = next_.fetch_add(1, std::memory_order_relaxed);
    const Member* best = nullptr;
    std::size_t best_index = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const std::size_t index = (first + i) % members_.size();
        const Member& member = *members_[index];
        if (!member.open || (best && member.load >= best->load)) continue;
        best = &member;
        best_index = index;
    }
    if (!best) throw_no_loop();
    return best_index;
}

// Not the caller's mistake where the loops have failed.
void LoopGroupCore::throw_no_loop() {
    std::exception_ptr failure;
    {
        const std::lock_guard lock(failing_);
        failure = first_failure_;
    }
    if (failure && !shut_down_) std::rethrow_exception(failure);
    throw InvalidStateError("coir: the loop group is shut down");
}

void LoopGroupCore::keep_server(std::size_t index, const std::shared_ptr<ServerSlot>& slot) {
    auto& servers = members_[index]->servers;
    std::erase_if(servers, [](const auto& known) {
        if (known->server.is_serving() || known->server.connections() != 0) return false;
        known->server = Server();  // its handler refers to the slot
        return true;
    });
    servers.push_back(slot);
}

bool LoopGroupCore::on_own_thread() const noexcept {
    return std::any_of(members_.begin(), members_.end(), [](const auto& member) {
        return member->thread.get_id() == std::this_thread::get_id();
    });
}

void LoopGroupCore::request_stop() noexcept {
    shut_down_ = true;
    for (const auto& member : members_) {
        member->open = false;
        if (member->stop.posted.exchange(true)) continue;
        member->stop.loop = member->loop.get();
        member->stop.run = [](ReadyEntry& entry) noexcept {
            static_cast<Stop&>(entry).loop->stop();
        };
        static_cast<void>(member->loop->scheduler().post(member->stop));  // or it is closed by now
    }
}

void LoopGroupCore::shutdown() {
    request_stop();
    for (const auto& member : members_) {
        if (member->thread.joinable()) member->end->await_done();
    }
    std::exception_ptr failure;
    {
        // The threads have nothing left to do: this takes no time. Nor is a task suspended, which
        // libcoir-legacy would do.
        const blocking_region region;
        const std::lock_guard lock(joining_);
        for (const auto& member : members_) {
            if (member->thread.joinable()) member->thread.join();
            if (!failure) failure = std::move(member->failure);
            member->failure = nullptr;
        }
    }
    if (failure) std::rethrow_exception(failure);
}

GroupLoad::GroupLoad(LoopGroupCore& group) : GroupLoad(group, group.least_loaded()) {}
GroupLoad::GroupLoad(LoopGroupCore& group, std::size_t index) noexcept
    : group_(&group), index_(index) {
    ++group_->load(index_);
}
GroupLoad::~GroupLoad() {
    if (group_) --group_->load(index_);
}
EventLoop& GroupLoad::loop() const noexcept { return group_->loop(index_); }

}  // namespace detail

LoopGroup::LoopGroup(unsigned loops, RunOptions options)
    : core_(std::make_shared<detail::LoopGroupCore>(loops, options)) {
    detail::LoopGroupCore::start(core_);
}

LoopGroup::~LoopGroup() {
    if (core_->on_own_thread()) {
        detail::log(LogLevel::error,
                    "coir: a loop group is destroyed on one of its own threads; it ends by itself");
        core_->request_stop();
        return;
    }
    try {
        core_->shutdown();
    } catch (...) {
        detail::log_failure("the end of a loop group", std::current_exception());
    }
}

std::size_t LoopGroup::size() const noexcept { return core_->size(); }
EventLoop& LoopGroup::loop(std::size_t index) const { return core_->loop(index); }

void LoopGroup::shutdown() {
    if (core_->on_own_thread()) {
        throw std::logic_error("coir: shutdown() of a loop group on one of its own threads");
    }
    core_->shutdown();
}

}  // namespace v0
}  // namespace coir
