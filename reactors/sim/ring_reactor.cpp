// SPDX-License-Identifier: BSL-1.0
// The completion-shaped reactor of a simulated world: the io_uring reactor itself, on a simulated
// kernel (kernel_ring.hpp), with a watch on everything that is handed in (in_flight.hpp).
#include "world_reactor.hpp"

#include "../io_uring_reactor.hpp"
#include "../wake_fd.hpp"
#include "kernel_ring.hpp"
#include "sim_sys.hpp"

#include <atomic>
#include <string>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// A kernel of some age, and queues of some size.
RingProfile draw_profile(World& world, unsigned& entries) {
    constexpr unsigned oldest = IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
    constexpr unsigned cooperative =
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
    Random& random = world.machine;
    RingProfile profile;
    const std::uint32_t age = random.below(4);  // 0: the newest
    profile.setup_flags = oldest | (age < 3 ? cooperative : 0u) |
                          (age < 2 ? unsigned{IORING_SETUP_SINGLE_ISSUER} : 0u) |
                          (age < 1 ? unsigned{IORING_SETUP_DEFER_TASKRUN} : 0u);
    profile.skip_success = age < 3;
    profile.multishot_poll = age < 3;
    profile.multishot = age < 2;
    profile.registered_ring = age < 2 && random.below(2) == 0;
    profile.connect_waits = age < 2;
    entries = 256;
    if (!world.faults.tiny_queues) return profile;
    entries = 2u << random.below(4);
    profile.most_completions = 2u << random.below(5);
    return profile;
}

// What wake() writes to, on any thread: a real descriptor, which the world's eventfd then follows.
class Waker final : public Sys, public RingWaker {
public:
    explicit Waker(World& world) : world_(world), real_(real_sys()) {}

    long call(long number, long a, long, long, long, long, long) noexcept override {
        if (number != SYS_write) return -EBADF;
        fd_.store(static_cast<int>(a), std::memory_order_relaxed);
        real_.wake();
        return sizeof(std::uint64_t);
    }
    bool is_pending() const noexcept override { return real_.is_pending(); }
    void take() noexcept override {
        real_.noticed(true);
        std::uint64_t one = 1;
        const iovec piece{&one, sizeof one};
        if (Node* node = world_.descriptors.find(fd_.load(std::memory_order_relaxed))) {
            node->write(Pieces(&piece, 1));
        }
    }
    int wake_fd() const noexcept override { return real_.fd(); }

private:
    World& world_;
    WakeFd real_;
    std::atomic<int> fd_{-1};
};

// Made before the reactor that uses them, and gone after it.
struct RingParts {
    explicit RingParts(std::shared_ptr<World> in)
        : shared(std::move(in)), sys(*shared), waker(*shared), in_flight(*shared) {
        const RingProfile profile = draw_profile(*shared, entries);
        sys.set_ring(profile, waker, in_flight);
    }
    std::shared_ptr<World> shared;
    unsigned entries = 0;
    SimSys sys;
    Waker waker;
    InFlight in_flight;
};

class RingReactor final : private RingParts, public Reactor {
public:
    explicit RingReactor(std::shared_ptr<World> world)
        : RingParts(std::move(world)), inner_(sys, {entries, 0}, waker) {
        completions_.reserve_events(256);
    }

    std::string_view name() const noexcept override { return "sim"; }
    std::string details() const override {
        return "simulated world, io_uring (" + inner_.details() + "), seed " +
               std::to_string(shared->seed) + ", faults: " + shared->faults.to_string();
    }
    Sys* world() noexcept override { return &sys; }
    void attach() noexcept override { inner_.attach(); }
    bool supports(OpCode code) const noexcept override { return inner_.supports(code); }
    bool try_now(Operation& operation) noexcept override { return inner_.try_now(operation); }
    bool begin(Operation& operation) noexcept override {
        operation.reactor_data = 0;
        if (inner_.begin(operation)) return true;
        in_flight.add(operation);
        return false;
    }
    void submit(Operation& operation) noexcept override {
        operation.reactor_data = 0;
        inner_.submit(operation);
        in_flight.add(operation);
    }
    void cancel(Operation& operation) noexcept override { inner_.cancel(operation); }
    bool submit(MultiOperation& operation) noexcept override { return inner_.submit(operation); }
    void cancel(MultiOperation& operation) noexcept override { inner_.cancel(operation); }
    void return_buffer(std::uint32_t id) noexcept override { inner_.return_buffer(id); }
    void fd_closing(int fd) noexcept override { inner_.fd_closing(fd); }
    bool has_unsent() const noexcept override { return inner_.has_unsent(); }
    void counters(ReactorCounters& counters) const noexcept override { inner_.counters(counters); }
    void wake() noexcept override { inner_.wake(); }
    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override;

private:
    IoUringReactor inner_;
    CompletionList completions_;
};

WaitResult RingReactor::wait(TimePoint deadline, CompletionList& completions) noexcept {
    shared->threads.pass();
    shared->run_due();
    WaitResult result = inner_.wait(deadline, completions_);
    for (Operation* operation = completions_.take(); operation;) {
        Operation* next = operation->next;
        in_flight.remove(operation->reactor_data);
        completions.finish(*operation, operation->result);
        operation = next;
    }
    for (const CompletionList::Pending& event : completions_.events()) {
        completions.event(*event.source, event.event);
    }
    completions_.events().clear();
    if (sys.take_deadlock() && result.error == 0) result.error = -EDEADLK;
    if (shared->threads.take_endless() && result.error == 0) result.error = -ETIME;
    return result;
}

}  // namespace

std::unique_ptr<Reactor> make_ring_reactor(std::shared_ptr<World> world) {
    return std::make_unique<RingReactor>(std::move(world));
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
