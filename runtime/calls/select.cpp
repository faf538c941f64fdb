// SPDX-License-Identifier: BSL-1.0
// select, pselect in a task. See polling.cpp for how they wait.
//
// Facts:
// - The kernel takes no more bits than its table of descriptors has room for, so that programs get
//   away with a count that their sets do not have. Beyond 1024 we ask it for that size.
// - select() writes the remaining time back, on Linux; pselect() does not.
// - The sets are left alone by a call that fails.
#include "multi_wait.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace coir::inline v0::detail::calls {
namespace {

constexpr std::size_t word_bits = 8 * sizeof(unsigned long);

// The caller's sets, and copies for the kernel to write its answers into.
class Sets {
public:
    Sets(fd_set* readable, fd_set* writable, fd_set* exceptional) noexcept
        : sets_{reinterpret_cast<unsigned long*>(readable),
                reinterpret_cast<unsigned long*>(writable),
                reinterpret_cast<unsigned long*>(exceptional)} {}
    Sets(const Sets&) = delete;
    Sets& operator=(const Sets&) = delete;
    ~Sets() {
        if (copies_ != room_) delete[] copies_;
    }

    int reserve(int count) noexcept {
        words_ = (static_cast<std::size_t>(count) + word_bits - 1) / word_bits;
        if (words_ * 3 > sizeof room_ / sizeof *room_) {
            copies_ = new (std::nothrow) unsigned long[words_ * 3];
            if (!copies_) return -ENOMEM;
        }
        return 0;
    }
    /// A real call that does not wait; its answers are in the copies.
    long look(Sys& sys, int count, const sigset_t* mask) noexcept {
        for (int set = 0; set < 3; ++set) {
            if (sets_[set]) std::memcpy(copy(set), sets_[set], bytes());
        }
        timespec zero{0, 0};
        const struct {
            const sigset_t* mask;
            std::size_t size;
        } masking{mask, mask_size};
        return sys(SYS_pselect6, count, sets_[0] ? copy(0) : nullptr, sets_[1] ? copy(1) : nullptr,
                   sets_[2] ? copy(2) : nullptr, &zero, &masking);
    }
    void hand_over() noexcept {
        for (int set = 0; set < 3; ++set) {
            if (sets_[set]) std::memcpy(sets_[set], copy(set), bytes());
        }
    }
    short events_of(int fd) const noexcept {
        constexpr short events[] = {POLLIN, POLLOUT, POLLPRI};
        const auto word = static_cast<std::size_t>(fd) / word_bits;
        const auto bit = static_cast<std::size_t>(fd) % word_bits;
        short wanted = 0;
        for (int set = 0; set < 3; ++set) {
            if (sets_[set] && (sets_[set][word] >> bit & 1) != 0) {
                wanted = static_cast<short>(wanted | events[set]);
            }
        }
        return wanted;
    }

private:
    unsigned long* copy(int set) noexcept {
        return copies_ + static_cast<std::size_t>(set) * words_;
    }
    std::size_t bytes() const noexcept { return words_ * sizeof(unsigned long); }

    unsigned long* sets_[3];
    std::size_t words_ = 0;
    unsigned long room_[3 * 1024 / word_bits];
    unsigned long* copies_ = room_;
};

int select_until(Scheduler& loop, int count, Sets& sets, TimePoint deadline, const sigset_t* mask,
                 const char* what) noexcept {
    Sys& sys = hooks::sys(loop);
    MultiWait waiting(loop, deadline, mask != nullptr, what);
    if (count < 0) return waiting.finish(-EINVAL);
    if (count > FD_SETSIZE) {
        const int table = descriptor_table_size(sys);
        if (table > 0) count = std::min(count, table);
    }
    if (sets.reserve(count) < 0) return waiting.finish(-ENOMEM);
    for (;;) {
        long result = sets.look(sys, count, mask);
        if (result == 0) {
            std::size_t used = 0;
            for (int fd = 0; fd < count; ++fd) used += sets.events_of(fd) != 0;
            if (waiting.reserve(used) < 0) return waiting.finish(-ENOMEM);
            for (int fd = 0; fd < count; ++fd) {
                if (const short events = sets.events_of(fd)) waiting.add(fd, events);
            }
            const long ended = waiting.wait();
            if (ended == 0) continue;
            result = sets.look(sys, count, nullptr);
            if (result == 0 && ended != -ETIMEDOUT) result = ended;
        }
        if (result >= 0) sets.hand_over();
        return waiting.finish(result);
    }
}

}  // namespace

namespace in_task {

int select(Scheduler& loop, int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
           timeval* timeout) {
    TimePoint deadline = coir::never;
    if (timeout) {
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0) return fail(EINVAL);
        const timespec duration{timeout->tv_sec + timeout->tv_usec / 1'000'000,
                                timeout->tv_usec % 1'000'000 * 1000};
        deadline = after(loop, &duration);
    }
    Sets sets(readable, writable, exceptional);
    const int result = select_until(loop, count, sets, deadline, nullptr, "select");
    if (timeout && deadline != coir::never) {
        const Nanoseconds left =
            deadline == past ? Nanoseconds(0)
                             : std::max(deadline - hooks::sys(loop).now(), Nanoseconds(0));
        timeout->tv_sec = left.count() / 1'000'000'000;
        timeout->tv_usec = left.count() % 1'000'000'000 / 1000;
    }
    return result;
}

int pselect(Scheduler& loop, int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
            const timespec* timeout, const sigset_t* mask) {
    if (!is_valid(timeout)) return fail(EINVAL);
    Sets sets(readable, writable, exceptional);
    return select_until(loop, count, sets, after(loop, timeout), mask, "pselect");
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
