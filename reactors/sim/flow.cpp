// SPDX-License-Identifier: BSL-1.0
// See flow.hpp.
#include "flow.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstring>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr Nanoseconds pause_mean = std::chrono::microseconds(50);

// How much a cut transfer of up to `size` moves: few bytes as often as many.
std::size_t draw_size(World& world, Site site, std::size_t size) {
    std::uint32_t bits = 0;
    while ((size >> bits) > 1 && bits < 30) ++bits;
    const std::size_t limit = std::size_t{1} << world.choices.pick(site, bits + 1);
    const auto most = static_cast<std::uint32_t>(std::min({limit, size, std::size_t{1} << 30}));
    return 1 + world.choices.pick(site, most);
}

}  // namespace

std::size_t draw_capacity(World& world, std::size_t usual) {
    if (!world.faults.small_buffers) return usual;
    const std::uint32_t bits = world.choices.pick(Site::capacity, 11);
    return std::size_t{1} << (16 - bits);
}

Flow::Flow(World& world, Link* link, std::size_t capacity)
    : world_(world), link_(link), capacity_(capacity) {}

std::size_t Flow::room() const noexcept {
    const std::size_t used = bytes_.size() - begin_ + size_under_way_;
    return used < capacity_ ? capacity_ - used : 0;
}

std::size_t Flow::put(Pieces from, bool whole, std::shared_ptr<Passed> passed) {
    const std::size_t wanted = total_size(from);
    std::size_t count = paused_ ? 0 : std::min(wanted, room());
    if (whole && count < wanted) count = 0;
    if (count > 0 && world_.choices.chance(Site::write_size, world_.faults.partial)) {
        count = whole ? 0 : draw_size(world_, Site::write_size, count) - 1;
        paused_ = true;
        world_.after(world_.choices.delay(Site::pause, pause_mean), [flow = weak_from_this()] {
            const auto self = flow.lock();
            if (!self) return;
            self->paused_ = false;
            self->consume(0);
        });
    }
    if (count < wanted) starved_ = true;
    if (count == 0) return 0;
    Segment segment{};
    segment.bytes.reserve(count);
    for (const iovec& piece : from) {
        const std::size_t part = std::min(piece.iov_len, count - segment.bytes.size());
        segment.bytes.append(static_cast<const char*>(piece.iov_base), part);
    }
    if (passed) {
        const std::size_t begin = taken_ + bytes_.size() - begin_;
        companions_.push_back({begin, begin + count, std::move(passed)});
    }
    send(std::move(segment));
    return count;
}

void Flow::finish() {
    Segment segment{};
    segment.finish = true;
    send(std::move(segment));
}

void Flow::reset() {
    Segment segment{};
    segment.reset = true;
    send(std::move(segment));
}

void Flow::send(Segment segment) {
    const TimePoint now = world_.now();
    if (!link_ || (!link_->takes_time() && under_way_.empty() && last_arrival_ <= now)) {
        if (link_) world_.links.maybe_cut(*link_);
        if (!link_ || !link_->cut) return accept(segment);
    }
    TimePoint departure = std::max(now, line_free_);
    if (const std::uint64_t rate = link_->options.bytes_per_second) {
        const double seconds = static_cast<double>(segment.bytes.size()) / static_cast<double>(rate);
        departure += Nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
        line_free_ = departure;
    }
    last_arrival_ = std::max(last_arrival_, departure + world_.links.travel(*link_));
    segment.arrival = last_arrival_;
    size_under_way_ += segment.bytes.size();
    under_way_.push_back(std::move(segment));
    schedule();
}

void Flow::schedule() {
    if (scheduled_ || under_way_.empty()) return;
    scheduled_ = true;
    world_.events.at(under_way_.front().arrival, [self = shared_from_this()] {
        self->scheduled_ = false;
        self->arrive();
    });
}

void Flow::arrive() {
    world_.links.maybe_cut(*link_);
    if (link_->cut) {
        // Sent again once there is a link; what lies behind follows.
        scheduled_ = true;
        link_->on_heal.push_back([self = shared_from_this()] {
            const TimePoint when = self->world_.now() + self->world_.links.travel(*self->link_);
            for (Segment& segment : self->under_way_) {
                segment.arrival = std::max(segment.arrival, when);
            }
            self->hold_until(when);
            self->scheduled_ = false;
            self->schedule();
        });
        return;
    }
    while (!under_way_.empty() && under_way_.front().arrival <= world_.now()) {
        Segment segment = std::move(under_way_.front());
        under_way_.pop_front();
        size_under_way_ -= segment.bytes.size();
        accept(segment);
    }
    schedule();
}

// The segment has arrived.
void Flow::accept(Segment& segment) {
    const auto to = reader.lock();
    if (segment.reset) {
        if (to && !reader_gone_) to->broken(ECONNRESET);
        return;
    }
    if (reader_gone_ || !to) {
        // Bytes to where nobody is are answered by a reset.
        if (segment.bytes.empty()) return;
        if (const auto from = writer.lock()) {
            if (!link_) return from->broken(EPIPE);
            const Nanoseconds travel = world_.links.travel(*link_);
            if (travel.count() == 0) return from->broken(ECONNRESET);
            world_.after(travel, [sender = std::weak_ptr<Node>(from)] {
                if (const auto node = sender.lock()) node->broken(ECONNRESET);
            });
        }
        return;
    }
    bytes_ += segment.bytes;
    if (segment.finish) finished_ = true;
    to->changed(segment.finish ? unsigned{POLLIN | POLLRDHUP | POLLHUP} : unsigned{POLLIN});
}

void Flow::reader_gone() noexcept {
    reader_gone_ = true;
    companions_.clear();
}

std::size_t Flow::readable_at_once(std::size_t wanted) const noexcept {
    const std::size_t count = std::min(wanted, available());
    if (companions_.empty() || taken_ + count <= companions_.front().begin) return count;
    return std::min(count, companions_.front().end - taken_);
}

std::size_t Flow::peek(Pieces into, std::shared_ptr<Passed>* passed) const noexcept {
    const std::size_t count = readable_at_once(total_size(into));
    const bool with_them = !companions_.empty() && taken_ + count > companions_.front().begin;
    if (with_them && passed) *passed = companions_.front().passed;
    std::size_t done = 0;
    for (const iovec& piece : into) {
        const std::size_t part = std::min(piece.iov_len, count - done);
        std::memcpy(piece.iov_base, bytes_.data() + begin_ + done, part);
        done += part;
        if (done == count) break;
    }
    return done;
}

std::size_t Flow::take(Pieces into, std::shared_ptr<Passed>* passed) {
    std::size_t count = readable_at_once(total_size(into));
    if (count > 1 && world_.choices.chance(Site::read_size, world_.faults.partial)) {
        count = draw_size(world_, Site::read_size, count - 1);
    }
    std::size_t done = 0;
    for (const iovec& piece : into) {
        const std::size_t part = std::min(piece.iov_len, count - done);
        std::memcpy(piece.iov_base, bytes_.data() + begin_ + done, part);
        done += part;
        if (done == count) break;
    }
    const bool cut_short = count < readable_at_once(total_size(into));
    if (!companions_.empty() && taken_ + count > companions_.front().begin) {
        if (passed) *passed = std::move(companions_.front().passed);
        companions_.pop_front();
    }
    consume(count);
    if (cut_short) {
        hidden_ = true;
        world_.after(world_.choices.delay(Site::pause, pause_mean), [flow = weak_from_this()] {
            const auto self = flow.lock();
            if (!self) return;
            self->hidden_ = false;
            const unsigned end = self->finished_ ? unsigned{POLLRDHUP | POLLHUP} : 0u;
            if (const auto to = self->reader.lock()) to->changed(POLLIN | end);
        });
    }
    return count;
}

// Bytes have been read: the writer may have waited for that.
void Flow::consume(std::size_t count) {
    begin_ += count;
    taken_ += count;
    if (begin_ == bytes_.size()) {
        bytes_.clear();
        begin_ = 0;
    } else if (begin_ > 65536) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    if (!starved_ || !has_room()) return;
    starved_ = false;
    if (const auto from = writer.lock()) from->changed(POLLOUT);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
