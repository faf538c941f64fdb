// SPDX-License-Identifier: BSL-1.0
// The readiness part over somebody else's poll operations.
//
// At most one poll operation per descriptor is in flight inside. When more is wanted than it asks
// for, it is cancelled and asked again with the union.
#include "adapter.hpp"

#include "readiness.hpp"

#include <cerrno>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

class PollOnlyAdapter final : public ReadinessReactor {
public:
    PollOnlyAdapter(std::unique_ptr<Reactor> inner, Sys& sys)
        : ReadinessReactor(sys), inner_(std::move(inner)) {}

    std::string_view name() const noexcept override { return inner_->name(); }
    std::string details() const override {
        return "readiness over poll operations" +
               (inner_->details().empty() ? std::string() : "; " + inner_->details());
    }
    void attach() noexcept override { inner_->attach(); }
    void wake() noexcept override { inner_->wake(); }
    int pollable_fd() const noexcept override { return inner_->pollable_fd(); }
    bool has_unsent() const noexcept override { return has_finished() || inner_->has_unsent(); }
    Nanoseconds wait_pause() const noexcept override { return inner_->wait_pause(); }
    void forked_child() noexcept override { inner_->forked_child(); }
    Sys* world() noexcept override { return inner_->world(); }

    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override {
        deadline = begin_wait(completions, deadline);
        CompletionList polled;
        WaitResult result = inner_->wait(deadline, polled);
        for (Operation* operation = polled.take(); operation;) {
            Operation* next = operation->next;
            handle(static_cast<Poll&>(*operation));
            operation = next;
        }
        end_wait();
        result.completed = static_cast<std::uint32_t>(completions.size());
        return result;
    }

private:
    struct Poll : Operation {
        bool in_flight = false;
        bool cancelled = false;
        std::uint32_t generation = 0;
        bool abandoned = false;  // its descriptor was closed: only its completion is waited for
    };

    int arm(int fd, FdState& state, std::uint32_t events) noexcept override {
        if (state.registration == 0) {
            const std::size_t slot = free_slot();
            if (slot == 0) return -ENOMEM;
            state.registration = static_cast<std::uint32_t>(slot);
        }
        Poll& poll = *polls_[state.registration - 1];
        if (!poll.in_flight) {
            start(poll, fd, state, events);
        } else if ((events & ~poll.flags) != 0) {
            stop(poll);  // its completion arms again with all that is wanted then
        }
        return 0;
    }
    void stop(Poll& poll) noexcept {
        if (poll.cancelled) return;
        poll.cancelled = true;
        inner_->cancel(poll);
    }
    // A slot's number plus one; 0: no memory. Slots of closed descriptors are used again once their
    // poll operation has completed.
    std::size_t free_slot() noexcept {
        for (std::size_t i = 0; i < polls_.size() && closed_slots_ > 0; ++i) {
            if (!polls_[i]->abandoned || polls_[i]->in_flight) continue;
            *polls_[i] = Poll{};
            --closed_slots_;
            return i + 1;
        }
        try {
            polls_.push_back(std::make_unique<Poll>());
        } catch (const std::bad_alloc&) {
            return 0;
        }
        return polls_.size();
    }
    void start(Poll& poll, int fd, const FdState& state, std::uint32_t events) noexcept {
        ++counters_.arms;
        poll.code = OpCode::poll;
        poll.fd = fd;
        poll.flags = events;
        poll.generation = state.generation;
        poll.in_flight = true;
        poll.cancelled = false;
        inner_->submit(poll);
    }
    // The slot stays with the poll operation until that has completed.
    void forget(int fd, FdState& state) noexcept override {
        if (state.registration == 0) return;
        Poll& poll = *polls_[state.registration - 1];
        poll.abandoned = true;
        ++closed_slots_;
        if (poll.in_flight) stop(poll);
        inner_->fd_closing(fd);
    }
    // Its owner may close the descriptor now, and must not find us asking about it.
    void unwanted(int, FdState& state) noexcept override {
        if (state.registration == 0) return;
        Poll& poll = *polls_[state.registration - 1];
        if (poll.in_flight) stop(poll);
    }
    void handle(Poll& poll) noexcept {
        poll.in_flight = false;
        FdState* state = find(poll.fd);
        if (poll.abandoned || !state || state->generation != poll.generation) return;
        if (poll.result > 0) {
            on_event(poll.fd, *state, static_cast<std::uint32_t>(poll.result));
        } else if (poll.result != -ECANCELED && poll.result < 0) {
            on_error(*state, poll.result);
        }
        // Edge-like: whoever still waits is asked for again.
        const std::uint32_t still = wanted(*state);
        if (still != 0 && !poll.in_flight) start(poll, poll.fd, *state, still);
    }

    std::vector<std::unique_ptr<Poll>> polls_;
    std::size_t closed_slots_ = 0;
    std::unique_ptr<Reactor> inner_;  // last, so that it is gone before what it may still hold
};

}  // namespace

std::unique_ptr<Reactor> adapt_poll_only(std::unique_ptr<Reactor> inner, Sys& sys) {
    return std::make_unique<PollOnlyAdapter>(std::move(inner), sys);
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
