// SPDX-License-Identifier: BSL-1.0
// One direction of a connection or of a pipe: bytes that are under way, then bytes that are there.
//
// Bytes never change their order. Over a link they take its time; without one they are there at
// once. A cut transfer (SimFaults::partial) looks to its caller as if the rest had not come yet, or
// as if there were no more room yet: a moment later there is an event, as from a kernel.
#pragma once

#include "links.hpp"
#include "node.hpp"
#include "passed.hpp"

#include <deque>
#include <memory>
#include <string>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Flow : public std::enable_shared_from_this<Flow> {
public:
    /// `link` may be null.
    Flow(World& world, Link* link, std::size_t capacity);

    std::weak_ptr<Node> reader;  ///< who is told of arrivals
    std::weak_ptr<Node> writer;  ///< who is told of room, and that nobody is there any more

    // The writer's side.
    /// Takes bytes in as far as there is room; how many. `whole`: all or none. `passed` goes with
    /// the first of them; only without a link.
    std::size_t put(Pieces from, bool whole = false, std::shared_ptr<Passed> passed = nullptr);
    bool has_room() const noexcept { return !paused_ && room() * 3 >= capacity_; }
    std::size_t room() const noexcept;
    /// The end of the bytes (FIN), after them.
    void finish();
    /// A reset, after what is under way.
    void reset();
    /// Nothing arrives before `when`.
    void hold_until(TimePoint when) noexcept { last_arrival_ = std::max(last_arrival_, when); }

    // The reader's side.
    /// Never more than up to the end of what was put together with descriptors; those become
    /// `*passed`, and are thrown away when that is null.
    std::size_t take(Pieces into, std::shared_ptr<Passed>* passed = nullptr);
    /// Copies without taking.
    std::size_t peek(Pieces into, std::shared_ptr<Passed>* passed = nullptr) const noexcept;
    std::size_t available() const noexcept { return hidden_ ? 0 : bytes_.size() - begin_; }
    bool finished() const noexcept { return finished_ && !hidden_; }  ///< the end has arrived
    bool at_end() const noexcept { return finished_ && bytes_.size() == begin_; }
    /// Bytes that nobody has read, also those that a cut read has left for later.
    bool has_unread() const noexcept { return bytes_.size() > begin_; }
    void reader_gone() noexcept;

    Link* link() const noexcept { return link_; }

private:
    struct Segment {
        TimePoint arrival;
        std::string bytes;
        bool finish = false;
        bool reset = false;
    };
    /// Bytes that descriptors came with, counted from the first that ever arrived.
    struct Companions {
        std::size_t begin;
        std::size_t end;
        std::shared_ptr<Passed> passed;
    };
    std::size_t readable_at_once(std::size_t wanted) const noexcept;
    void send(Segment segment);
    void schedule();
    void arrive();
    void accept(Segment& segment);
    void consume(std::size_t count);

    World& world_;
    Link* link_;
    const std::size_t capacity_;
    std::string bytes_;  // arrived; read up to begin_
    std::size_t begin_ = 0;
    std::size_t taken_ = 0;  // of all bytes that ever arrived
    std::deque<Companions> companions_;
    std::deque<Segment> under_way_;
    std::size_t size_under_way_ = 0;
    TimePoint last_arrival_{};
    TimePoint line_free_{};
    bool scheduled_ = false;
    bool finished_ = false;
    bool hidden_ = false;   // what has arrived shows a moment later
    bool paused_ = false;   // there is room again a moment later
    bool starved_ = false;  // the writer wanted to write more
    bool reader_gone_ = false;
};

/// A new capacity for a buffer.
std::size_t draw_capacity(World& world, std::size_t usual);

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
