// SPDX-License-Identifier: BSL-1.0
// Links between hosts: how long things take, and whether they get through.
#pragma once

#include "choices.hpp"
#include "endpoint.hpp"

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;

/// Between two hosts, or from one to itself.
struct Link {
    testing::LinkOptions options;
    bool cut = false;          ///< until healed
    std::uint64_t cuts = 0;    ///< how often it was cut: so that an old healing spares a new cut
    std::vector<std::function<void()>> on_heal;  ///< what waits for it

    bool takes_time() const noexcept {
        return cut || options.latency.count() > 0 || options.jitter.count() > 0 ||
               options.bytes_per_second != 0;
    }
};

class Links {
public:
    explicit Links(World& world) : world_(world) {}

    /// Lives as long as the world.
    Link& between(const Host& a, const Host& b);
    /// How long one segment takes now, apart from its length.
    Nanoseconds travel(const Link& link);
    /// Asked once per segment: the faults may cut the link here.
    void maybe_cut(Link& link);
    void cut(Link& link) noexcept;
    void heal(Link& link);
    void heal_all();
    /// Heals all and loses nothing any more.
    void calm();

private:
    World& world_;
    std::map<std::pair<Host, Host>, std::unique_ptr<Link>> links_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
