// SPDX-License-Identifier: BSL-1.0
// The reactor of a simulated world: readiness as epoll gives it, in virtual time.
//
// Like the epoll reactor: descriptors of coir's own are watched for good and told of changes only
// (edges), foreign ones once per asking, listeners as long as it is true. A wait lets happen what is
// due; when that brings nothing, the clock goes on to the next event or to the deadline.
#include "world_reactor.hpp"

#include "../readiness.hpp"
#include "../wake_fd.hpp"
#include "sim_sys.hpp"

#include <coir/log.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::uint32_t unasked = POLLERR | POLLHUP;

class WorldReactor;

// One descriptor that is registered.
class Interest final : public Watch {
public:
    Interest(WorldReactor& reactor, int number, std::shared_ptr<Node> of)
        : owner(reactor), fd(number), node(std::move(of)) {
        node->add_watch(*this);
    }
    ~Interest() { node->remove_watch(*this); }
    void on_change(unsigned events) noexcept override;

    enum class Mode : unsigned char { edge, level, once };

    WorldReactor& owner;
    const int fd;
    // Shared: a descriptor that is closed past coir leaves it behind.
    const std::shared_ptr<Node> node;
    std::uint32_t mask = 0;
    Mode mode = Mode::once;
    bool pending = false;
};

// Owns the system; a base, so that it is there before and after the reactor that uses it.
struct OwnSys {
    explicit OwnSys(std::shared_ptr<World> in) : shared(std::move(in)), sys(*shared) {}
    std::shared_ptr<World> shared;
    SimSys sys;
};

class WorldReactor final : private OwnSys, public ReadinessReactor {
public:
    explicit WorldReactor(std::shared_ptr<World> world)
        : OwnSys(std::move(world)), ReadinessReactor(OwnSys::sys), world_(*shared),
          wake_fd_(real_sys()) {}

    std::string_view name() const noexcept override { return "sim"; }
    std::string details() const override {
        return "simulated world, seed " + std::to_string(world_.seed) + ", faults: " +
               world_.faults.to_string();
    }
    Sys* world() noexcept override { return &sys; }
    void wake() noexcept override { wake_fd_.wake(); }
    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override;

    void became_pending(Interest& interest) { pending_.push_back(&interest); }

private:
    class Asleep;
    int arm(int fd, FdState& state, std::uint32_t events) noexcept override;
    void forget(int fd, FdState& state) noexcept override;
    void unwanted(int fd, FdState& state) noexcept override;

    void drop(int fd) noexcept;
    void collect(CompletionList& completions) noexcept;
    void report(Interest& interest, std::uint32_t spurious) noexcept;
    void report_spuriously() noexcept;
    Interest* take_pending() noexcept;

    World& world_;
    WakeFd wake_fd_;
    std::unordered_map<int, std::unique_ptr<Interest>> interests_;  // only looked up
    std::vector<Interest*> by_age_;   // the same, in an order that does not depend on numbers
    std::vector<Interest*> pending_;  // that have changed
};

void Interest::on_change(unsigned events) noexcept {
    if (pending || (events & (mask | (mask != 0 ? unasked : 0u))) == 0) return;
    pending = true;
    owner.became_pending(*this);
}

int WorldReactor::arm(int fd, FdState& state, std::uint32_t events) noexcept {
    const auto node = world_.descriptors.share(fd);
    if (!node || S_ISREG(node->mode()) || S_ISDIR(node->mode())) return -EPERM;  // always ready
    std::unique_ptr<Interest>& entry = interests_[fd];
    if (entry && entry->node != node) {
        drop(fd);
        return arm(fd, state, events);
    }
    const bool is_new = !entry;
    if (is_new) {
        entry = std::make_unique<Interest>(*this, fd, node);
        by_age_.push_back(entry.get());
        ++counters_.arms;
    }
    Interest& interest = *entry;
    state.registration = 1;
    if (state.owned && !state.level) {
        const bool was_edge = !is_new && interest.mode == Interest::Mode::edge;
        interest.mode = Interest::Mode::edge;
        interest.mask = POLLIN | POLLOUT | POLLRDHUP | POLLPRI;
        if (was_edge) return 0;
    } else {
        interest.mode = state.level ? Interest::Mode::level : Interest::Mode::once;
        interest.mask = events;
    }
    interest.on_change(node->events());
    return 0;
}

void WorldReactor::drop(int fd) noexcept {
    const auto at = interests_.find(fd);
    if (at == interests_.end()) return;
    std::erase(by_age_, at->second.get());
    std::erase(pending_, at->second.get());
    interests_.erase(at);
}

void WorldReactor::forget(int fd, FdState& state) noexcept {
    state.registration = 0;
    drop(fd);
}

void WorldReactor::unwanted(int fd, FdState& state) noexcept {
    if (state.level) forget(fd, state);
}

// --- Waiting ------------------------------------------------------------------------------------

void WorldReactor::report(Interest& interest, std::uint32_t spurious) noexcept {
    const std::uint32_t asked = interest.mask | unasked;
    const std::uint32_t events = (interest.node->events() | spurious) & asked;
    if (interest.mask == 0 || events == 0) return;
    const int fd = interest.fd;
    FdState* state = find(fd);
    if (!state) return;
    if (interest.mode == Interest::Mode::once) interest.mask = 0;
    on_event(fd, *state, events);
    // It may be gone by now.
    const auto at = interests_.find(fd);
    if (at == interests_.end() || at->second->mode != Interest::Mode::level) return;
    at->second->on_change(at->second->node->events());
}

Interest* WorldReactor::take_pending() noexcept {
    const auto count = static_cast<std::uint32_t>(pending_.size());
    const std::uint32_t at = world_.faults.shuffle ? world_.choices.pick(Site::event, count) : 0;
    Interest* interest = pending_[at];
    pending_.erase(pending_.begin() + at);
    interest->pending = false;
    return interest;
}

// Something that is watched is reported without being ready, as a kernel may do.
void WorldReactor::report_spuriously() noexcept {
    if (by_age_.empty() || !world_.choices.chance(Site::spurious, world_.faults.spurious)) return;
    const auto count = static_cast<std::uint32_t>(by_age_.size());
    Interest& interest = *by_age_[world_.choices.pick(Site::spurious, count)];
    // A poll operation's result must be true: only transfers find out for themselves.
    const FdState* state = find(interest.fd);
    if (interest.mode == Interest::Mode::edge && state && state->waiting[2].empty()) {
        report(interest, POLLIN | POLLOUT);
    }
}

void WorldReactor::collect(CompletionList& completions) noexcept {
    world_.run_due();
    // What becomes pending meanwhile is the next wait's.
    for (std::size_t left = pending_.size(); left > 0 && !pending_.empty(); --left) {
        report(*take_pending(), 0);
    }
    if (completions.size() == 0) report_spuriously();
}

// A loop that sleeps.
class WorldReactor::Asleep final : public Sleep {
public:
    Asleep(WorldReactor& reactor, TimePoint until) : Sleep(until), reactor_(reactor) {}
    bool is_over() noexcept override {
        return !reactor_.pending_.empty() || reactor_.wake_fd_.is_pending();
    }
    int wake_fd() const noexcept override { return reactor_.wake_fd_.fd(); }
    bool is_outside() const noexcept override { return reactor_.sys.jobs_outside(); }

private:
    WorldReactor& reactor_;
};

WaitResult WorldReactor::wait(TimePoint deadline, CompletionList& completions) noexcept {
    WaitResult result;
    ++counters_.waits;
    if (deadline != TimePoint::min()) ++counters_.sleeps;
    world_.threads.pass();
    begin_wait(completions, deadline);
    for (;;) {
        collect(completions);
        if (completions.size() > 0 || deadline <= world_.now() || wake_fd_.is_pending()) break;
        // Anew each time: of what has just come, something may have to rest.
        Asleep asleep(*this, begin_wait(completions, deadline));
        if (world_.threads.wait(asleep)) continue;
        result.error = -EDEADLK;
        break;
    }
    if (wake_fd_.is_pending()) {
        wake_fd_.noticed(true);
        ++counters_.wakes;
        result.woken = true;
    }
    if (world_.threads.take_endless()) result.error = -ETIME;
    end_wait();
    result.completed = static_cast<std::uint32_t>(completions.size());
    return result;
}

}  // namespace

std::unique_ptr<Reactor> make_world_reactor(std::shared_ptr<World> world) {
    if (world->draw_reactor() == testing::SimReactor::io_uring) {
        return make_ring_reactor(std::move(world));
    }
    return std::make_unique<WorldReactor>(std::move(world));
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
