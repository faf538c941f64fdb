// SPDX-License-Identifier: BSL-1.0
// See threads.hpp.
#include "threads.hpp"

#include "world.hpp"

#include <coir/detail/sys.hpp>
#include <coir/error.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr std::size_t stack_size = 1 << 20;
constexpr std::uint32_t most_choices = 64;
// Of threads that are not to_thread's nothing is known: they get this long to wake a loop.
constexpr Nanoseconds patience = std::chrono::milliseconds(100);
constexpr Nanoseconds glance = std::chrono::seconds(1);
// While the simulation is being ended by an error: for what loops do to close.
constexpr Nanoseconds grace = std::chrono::minutes(1);

class Forever final : public Sleep {
public:
    explicit Forever(std::function<bool()> over) : Sleep(never), over_(std::move(over)) {}
    bool is_over() noexcept override { return over_(); }

private:
    std::function<bool()> over_;
};

}  // namespace

Threads::Threads(World& world) : world_(world) {
    threads_.push_back(std::make_unique<Thread>());
    current_ = threads_.front().get();
    current_->name = "main";
    running_.push_back(current_);
}

Threads::~Threads() = default;

// --- Their life ---------------------------------------------------------------------------------

std::size_t Threads::start(std::string name, std::function<void()> body) {
    Thread& first = *threads_.front();
    if (!first.stack) first.stack = std::make_unique<SideStack>();
    drop_ended();
    auto thread = std::make_unique<Thread>();
    thread->name = std::move(name);
    thread->body = std::move(body);
    thread->stack = std::make_unique<SideStack>(stack_size, &run, this);
    running_.push_back(thread.get());
    threads_.push_back(std::move(thread));
    ++alive_;
    return threads_.size() - 1;
}

// What is left of an ended thread is that it has ended.
void Threads::drop_ended() {
    std::erase_if(running_, [this](Thread* thread) {
        if (!thread->ended || thread == current_) return false;
        thread->stack.reset();
        return true;
    });
}

void Threads::run(void* argument) {
    auto& threads = *static_cast<Threads*>(argument);
    try {
        threads.current_->body();
        threads.current_->body = nullptr;
    } catch (...) {
        threads.give_up_on(*threads.current_, std::current_exception());
    }
    threads.end_current();
}

// The current thread has failed: the others are told that what they wait for never comes.
void Threads::give_up_on(Thread& failed, std::exception_ptr error) noexcept {
    if (!error_) error_ = std::move(error);
    for (Thread* const thread : running_) {
        if (thread == &failed || thread->ended || !thread->sleep) continue;
        thread->stuck = true;
        thread->stopped_until = saturating_add(world_.now(), grace);
    }
}

void Threads::end_current() {
    current_->ended = true;
    --alive_;
    for (;;) {
        if (Thread* next = choose(true)) go_to(*next);  // for good
        let_time_pass();
    }
}

bool Threads::has_ended(std::size_t number) const noexcept { return threads_[number]->ended; }

void Threads::join(std::size_t number) {
    Forever until_ended([this, number] { return threads_[number]->ended; });
    if (wait(until_ended)) return;
    throw DeadlockError("coir: the simulated thread '" + threads_[number]->name +
                        "' that is joined never ends");
}

std::exception_ptr Threads::finish(std::exception_ptr error) {
    finishing_ = true;
    if (error) give_up_on(*current_, std::move(error));
    world_.processes.kill_all();
    Forever until_alone([this] { return alive_ == 1; });
    while (alive_ > 1) wait(until_alone);
    return std::exchange(error_, nullptr);
}

const std::string& Threads::current_name() const noexcept { return current_->name; }

// --- Turns --------------------------------------------------------------------------------------

bool Threads::can_run(Thread& thread) const noexcept {
    if (thread.ended) return false;
    return !thread.sleep || thread.stuck || thread.sleep->deadline <= world_.now() ||
           thread.sleep->is_over();
}

// One of those that can run. The first choice is the next one in a row, so that all of them go on
// also where nothing is drawn.
Threads::Thread* Threads::choose(bool must) {
    const auto at = static_cast<std::size_t>(
        std::find(running_.begin(), running_.end(), current_) - running_.begin());
    Thread* able[most_choices];
    std::uint32_t count = 0;
    for (std::size_t i = 1; i <= running_.size() && count < most_choices; ++i) {
        Thread& thread = *running_[(at + i) % running_.size()];
        if (must && &thread == current_) continue;
        if (can_run(thread)) able[count++] = &thread;
    }
    if (count == 0) return nullptr;
    return able[count == 1 ? 0 : world_.choices.decide(Site::thread, count,
                                                       world_.order.propose_thread(count))];
}

void Threads::go_to(Thread& thread) noexcept {
    Thread& from = *std::exchange(current_, &thread);
    from.stack->switch_to(*thread.stack);
}

void Threads::pass(bool must) {
    if (++turns_ % world_.most_turns == 0) {
        std::fprintf(stderr,
                     "coir: simulate: seed %llu does not come to an end: %llu turns, %.3f virtual "
                     "seconds\n",
                     static_cast<unsigned long long>(world_.seed),
                     static_cast<unsigned long long>(turns_),
                     static_cast<double>(world_.now().time_since_epoch().count()) / 1e9 - 3600);
        endless_ = true;
    }
    if (alive_ == 1) return;
    Thread* next = choose(must);
    if (next && next != current_) go_to(*next);
}

bool Threads::wait(Sleep& sleep) {
    Thread& self = *current_;
    self.sleep = &sleep;
    self.stuck = false;
    const bool is_last_wait = finishing_ && &self == threads_.front().get();
    if (error_ && !is_last_wait && world_.now() >= self.stopped_until && !sleep.is_over()) {
        self.stuck = true;
        self.stopped_until = saturating_add(world_.now(), grace);
    }
    while (!can_run(self) || alive_ > 1) {
        Thread* next = choose(false);
        if (next && next != &self) go_to(*next);
        if (next) break;
        let_time_pass();
    }
    self.sleep = nullptr;
    return !std::exchange(self.stuck, false);
}

// --- When all sleep -----------------------------------------------------------------------------

// Nobody is there who could wake a loop from outside.
bool Threads::is_only_real_thread() noexcept {
    struct stat status {};
    return real_sys()(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &status, 0) == 0 &&
           status.st_nlink == 3;
}

// Who is told that nothing will ever happen: a loop rather than who waits for its thread.
Threads::Thread* Threads::first_sleeper() noexcept {
    Thread* first = nullptr;
    for (Thread* const thread : running_) {
        if (thread->ended || !thread->sleep) continue;
        if (thread->sleep->wake_fd() >= 0) return thread;
        if (!first) first = thread;
    }
    return first;
}

// A real wait, for wakes by what the world does not know of; whether there was one.
bool Threads::wait_outside(bool jobs_only) {
    std::vector<pollfd> set;
    for (Thread* const thread : running_) {
        if (thread->ended || !thread->sleep || thread->sleep->wake_fd() < 0) continue;
        if (jobs_only && !thread->sleep->is_outside()) continue;
        set.push_back({thread->sleep->wake_fd(), POLLIN, 0});
    }
    if (set.empty()) return false;
    const Nanoseconds limit = jobs_only ? glance : patience;
    const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
    return real_sys()(SYS_ppoll, set.data(), set.size(), &timeout, nullptr, 0) > 0;
}

void Threads::let_time_pass() {
    TimePoint next = world_.events.next();
    bool outside = false;
    for (Thread* const thread : running_) {
        if (thread->ended || !thread->sleep) continue;
        next = std::min(next, thread->sleep->deadline);
        outside = outside || thread->sleep->is_outside();
    }
    // A job takes no virtual time: the clock stands still until its result is there.
    if (outside) {
        wait_outside(true);
    } else if (next != never) {
        world_.advance_to(next);
        world_.run_due();
    } else if (is_only_real_thread() || !wait_outside(false)) {
        if (Thread* thread = first_sleeper()) thread->stuck = true;
    }
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
