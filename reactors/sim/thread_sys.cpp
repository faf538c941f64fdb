// SPDX-License-Identifier: BSL-1.0
// See thread_sys.hpp.
#include "thread_sys.hpp"

#include "world.hpp"

#include <coir/detail/futex_lock.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

// Real threads may write to it as well: they are looked for by the word, not by their wake.
class FutexSleep final : public Sleep {
public:
    FutexSleep(const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimePoint until)
        : Sleep(until), word_(word), expected_(expected) {}
    bool is_over() noexcept override { return word_.load(std::memory_order_acquire) != expected_; }

private:
    const std::atomic<std::uint32_t>& word_;
    const std::uint32_t expected_;
};

[[noreturn]] void never_ends(const World& world) noexcept {
    std::fprintf(stderr,
                 "coir: simulate: thread '%s' waits for a lock or a result that never comes; seed %llu\n",
                 world.threads.current_name().c_str(), static_cast<unsigned long long>(world.seed));
    std::abort();
}

// A real thread that holds the lock does so for a moment; of one that has a result to give nothing is
// known, unless there is nobody else to wait for.
void wait_outside(World& world, std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    if (Threads::is_only_real_thread()) return;
    const timespec moment{0, 1'000'000};
    real_sys()(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), futex_wait_private, expected,
               world.threads.alive() == 1 ? nullptr : &moment, nullptr, 0);
}

long wait_on(World& world, std::atomic<std::uint32_t>& word, std::uint32_t expected,
             const timespec* limit) {
    TimePoint until = never;
    if (limit) {
        const Nanoseconds length = std::chrono::seconds(limit->tv_sec) + Nanoseconds(limit->tv_nsec);
        until = saturating_add(world.now(), length);
    }
    FutexSleep sleep(word, expected, until);
    if (sleep.is_over()) return -EAGAIN;
    if (!limit) wait_outside(world, word, expected);
    if (!world.threads.wait(sleep)) never_ends(world);
    return sleep.is_over() ? 0 : -ETIMEDOUT;
}

class PollSleep final : public Sleep {
public:
    PollSleep(const World& world, pollfd& entry, TimePoint until)
        : Sleep(until), world_(world), entry_(entry) {}
    bool is_over() noexcept override {
        const Node* node = entry_.fd < 0 ? nullptr : world_.descriptors.find(entry_.fd);
        if (!node) return false;
        const unsigned asked = static_cast<unsigned short>(entry_.events);
        entry_.revents = static_cast<short>(node->events() & (asked | unsigned{POLLERR | POLLHUP}));
        return entry_.revents != 0;
    }

private:
    const World& world_;
    pollfd& entry_;
};

// One descriptor, which is the world's or none: all that coir waits for in this way.
long poll_one(World& world, pollfd& entry, const timespec& limit) {
    const Nanoseconds length = std::chrono::seconds(limit.tv_sec) + Nanoseconds(limit.tv_nsec);
    PollSleep sleep(world, entry, saturating_add(world.now(), length));
    entry.revents = 0;
    if (!sleep.is_over()) world.threads.wait(sleep);
    return sleep.is_over() ? 1 : 0;
}

}  // namespace

TimePoint ThreadSys::now() noexcept { return world_.now(); }

long ThreadSys::call(long number, long a, long b, long c, long d, long e, long f) noexcept {
    if (number == SYS_sched_yield) {
        world_.threads.pass(true);
        return 0;
    }
    if (number == SYS_futex && b == futex_wait_private) {
        return wait_on(world_, *reinterpret_cast<std::atomic<std::uint32_t>*>(a),
                       static_cast<std::uint32_t>(c), reinterpret_cast<const timespec*>(d));
    }
    if (number == SYS_ppoll && b == 1 && c != 0) {
        auto& entry = *reinterpret_cast<pollfd*>(a);
        if (entry.fd < 0 || world_.descriptors.find(entry.fd)) {
            return poll_one(world_, entry, *reinterpret_cast<const timespec*>(c));
        }
    }
    return real_sys().call(number, a, b, c, d, e, f);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
