// SPDX-License-Identifier: BSL-1.0
// The callbacks of add_reader() and add_writer(): one per descriptor and direction, called as long
// as the descriptor is ready, because each call is followed by a new poll operation.
//
//   in flight --completion--> queued --its turn--> running --> in flight ...
//
// A watch that is removed goes on to its next state and is freed there: in flight it belongs to the
// reactor, queued to the ready queue. Its callback is let go at once.
//
// Threads: the loop's.
#pragma once

#include "creation_traces.hpp"

#include <coir/detail/callback.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {

struct FdWatch;

class FdWatches {
public:
    explicit FdWatches(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
    FdWatches(const FdWatches&) = delete;
    FdWatches& operator=(const FdWatches&) = delete;

    /// Takes over a reference to `callback`, and replaces the one that there was. Throws IoError for
    /// what is not open or cannot be polled, std::invalid_argument for a negative number.
    void add(int fd, FdSide side, CallbackBase& callback);
    bool remove(int fd, FdSide side) noexcept;
    /// The descriptor is about to be closed: an event that has come for it will not be delivered.
    void closing(int fd) noexcept;
    /// The loop ends: removes all, and waits until the reactor has given them back.
    void close() noexcept;
    bool in_flight() const noexcept { return in_flight_ > 0; }

private:
    friend struct FdWatch;
    FdWatch** slot(int fd, FdSide side) noexcept;
    void submit(FdWatch& watch) noexcept;
    void drop(FdWatch& watch) noexcept;
    void give_up(FdWatch& watch) noexcept;

    Scheduler& scheduler_;
    std::size_t in_flight_ = 0;
    std::vector<std::array<FdWatch*, 2>> table_;  // by descriptor and side
};

/// The descriptors that streams, sockets and listeners of a loop own.
class OwnedFds {
public:
    /// Without memory it stays unknown, and a mistake unnoticed.
    void insert(int fd) noexcept;
    void erase(int fd) noexcept {
        if (contains(fd)) words_[word(fd)] &= ~bit(fd);
    }
    /// COIR_DEBUG=fds: also how many there were, and where each was made.
    void keep_traces() noexcept;
    /// What is open, as text: a line for each with its kind, unless `simulated`; and how many.
    std::string describe(bool simulated) const;
    bool contains(int fd) const noexcept {
        return fd >= 0 && word(fd) < words_.size() && (words_[word(fd)] & bit(fd)) != 0;
    }

private:
    static std::size_t word(int fd) noexcept { return static_cast<std::size_t>(fd) / 64; }
    static std::uint64_t bit(int fd) noexcept { return std::uint64_t{1} << (fd % 64); }
    void note(int fd) noexcept;

    std::vector<std::uint64_t> words_;
    struct Traces {
        std::uint64_t opened = 0;
        int highest = -1;
        CreationTraces places;  // by number
    };
    std::unique_ptr<Traces> traces_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
