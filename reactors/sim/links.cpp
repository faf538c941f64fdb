// SPDX-License-Identifier: BSL-1.0
// See links.hpp.
#include "links.hpp"

#include "world.hpp"

#include <algorithm>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

Link& Links::between(const Host& a, const Host& b) {
    std::unique_ptr<Link>& link = links_[std::minmax(a, b)];
    if (!link) {
        const testing::SimFaults& faults = world_.faults;
        link = std::make_unique<Link>();
        link->options = {faults.latency, faults.jitter, faults.bytes_per_second, faults.loss,
                         faults.duplicate};
    }
    return *link;
}

Nanoseconds Links::travel(const Link& link) {
    return link.options.latency + world_.choices.delay(Site::latency, link.options.jitter);
}

void Links::maybe_cut(Link& link) {
    if (link.cut || !world_.choices.chance(Site::cut, world_.faults.partition)) return;
    cut(link);
    const Nanoseconds length = std::chrono::milliseconds(10) +
                               world_.choices.delay(Site::cut, std::chrono::seconds(1));
    world_.events.at(world_.now() + length, [this, &link, number = link.cuts] {
        if (link.cut && link.cuts == number) heal(link);
    });
}

void Links::cut(Link& link) noexcept {
    link.cut = true;
    ++link.cuts;
}

void Links::heal(Link& link) {
    if (!link.cut) return;
    link.cut = false;
    for (const auto& action : std::exchange(link.on_heal, {})) action();
}

void Links::heal_all() {
    for (const auto& [hosts, link] : links_) heal(*link);
}

void Links::calm() {
    for (const auto& [hosts, link] : links_) link->options.loss = link->options.duplicate = 0;
    heal_all();
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
