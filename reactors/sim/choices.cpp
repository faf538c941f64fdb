// SPDX-License-Identifier: BSL-1.0
// See choices.hpp.
#include "choices.hpp"

#include "trace.hpp"

#include <cmath>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

const char* name_of(Site site) noexcept {
    switch (site) {
        case Site::ready: return "which task is next";
        case Site::task: return "a number of the runtime";
        case Site::read_size: return "a read is cut short";
        case Site::write_size: return "a write is cut short";
        case Site::pause: return "how long until the rest comes";
        case Site::latency: return "how long a segment takes";
        case Site::reset: return "the connection is reset";
        case Site::abort_accept: return "the connection is aborted before it is accepted";
        case Site::cut: return "the link is cut";
        case Site::loss: return "a datagram is lost";
        case Site::duplicate: return "a datagram comes twice";
        case Site::spurious: return "a wait ends for nothing";
        case Site::event: return "which event comes first";
        case Site::capacity: return "how much a socket holds";
        case Site::listener: return "which listener of the port";
        case Site::thread: return "which thread is next";
        case Site::ring_late: return "a request, or its result, takes its time";
        case Site::ring_busy: return "the ring takes less than it is given";
        case Site::ring_cancel: return "what a cancel finds";
        case Site::ring_more: return "a multishot ends";
        case Site::no_stack: return "no memory for a stack";
        case Site::no_process: return "no process can be made";
        case Site::no_space: return "no space on the disk";
        case Site::bad_disk: return "the disk fails";
        case Site::job: return "when a thread of the pool comes to it";
        case Site::program: return "the program's choice";
    }
    return "something";
}

Choices::Choices(const testing::SimOptions& options, const Trace& trace)
    : random_(options.seed), trace_(trace), record_(options.record), replaying_(!options.replay.empty()),
      replay_(options.replay) {}

void Choices::mix(std::uint64_t value) noexcept {
    std::uint64_t z = hash_ ^ (value + 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    hash_ = z ^ (z >> 27);
}

std::uint32_t Choices::decide(Site site, std::uint32_t count, std::uint32_t drawn) noexcept {
    testing::SimChoice choice{static_cast<std::uint16_t>(site), count, drawn};
    if (replaying_) {
        choice.picked = 0;
        if (made_ < replay_.size()) {
            const testing::SimChoice& old = replay_[made_];
            const bool any = old.site == 0 || (old.picked == 0 && old.count == 1);  // a minimised one
            const bool is_another = !any && (old.site != choice.site || old.count != count);
            // Of another question the answer means nothing here.
            choice.picked = is_another ? 0 : old.picked % count;
            diverged_ = diverged_ || is_another;
        }
    }
    ++made_;
    mix((std::uint64_t{choice.site} << 48) ^ (std::uint64_t{count} << 24) ^ choice.picked);
    if (record_) log_.push_back(choice);
    trace_.choice(choice);
    return choice.picked;
}

std::uint32_t Choices::pick(Site site, std::uint32_t count) noexcept {
    if (count <= 1) return 0;
    return decide(site, count, random_.below(count));
}

bool Choices::chance(Site site, double probability) noexcept {
    if (probability <= 0) return false;
    return decide(site, 2, random_.fraction() < probability ? 1 : 0) == 1;
}

Nanoseconds Choices::delay(Site site, Nanoseconds mean) noexcept {
    if (mean.count() <= 0) return Nanoseconds(0);
    constexpr std::uint32_t steps = 1024;
    const double share = static_cast<double>(pick(site, steps)) / steps;
    const double factor = -std::log1p(-share);
    return Nanoseconds(static_cast<std::int64_t>(static_cast<double>(mean.count()) * factor));
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
