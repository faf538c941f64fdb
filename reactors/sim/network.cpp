// SPDX-License-Identifier: BSL-1.0
// coir::testing::Network.
#include "world.hpp"

#include <coir/testing.hpp>

#include <cstring>
#include <stdexcept>
#include <string>

#include <arpa/inet.h>

namespace coir {
inline namespace v0 {
namespace testing {
namespace {

using coir::detail::sim::Host;
using coir::detail::sim::Link;
using coir::detail::sim::World;

World& world_of(const char* call) {
    if (World* world = coir::detail::sim::current_world()) return *world;
    throw std::logic_error(std::string("coir: Network::") + call + " outside a simulation");
}

Host parse_host(std::string_view text) {
    const std::string address(text);
    in_addr v4{};
    Host host;
    if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
        std::uint8_t b[4];
        std::memcpy(b, &v4, sizeof b);
        return Host::v4(b[0], b[1], b[2], b[3]);
    }
    if (::inet_pton(AF_INET6, address.c_str(), host.bytes.data()) == 1) return host;
    throw std::invalid_argument("coir: not a numeric address: '" + address + "'");
}

Link& link_of(World& world, std::string_view a, std::string_view b) {
    const Host first = parse_host(a);
    return world.links.between(first, parse_host(b));
}

}  // namespace

void Network::set_link(std::string_view a, std::string_view b, const LinkOptions& options) {
    World& world = world_of("set_link");
    if (options.latency.count() < 0 || options.jitter.count() < 0 || !(options.loss >= 0) ||
        options.loss > 1 || !(options.duplicate >= 0) || options.duplicate > 1) {
        throw std::invalid_argument("coir: a link's times must not be negative and its "
                                    "probabilities must be between 0 and 1");
    }
    link_of(world, a, b).options = options;
}

void Network::partition(std::string_view a, std::string_view b) {
    World& world = world_of("partition");
    world.links.cut(link_of(world, a, b));
}

void Network::heal(std::string_view a, std::string_view b) {
    World& world = world_of("heal");
    world.links.heal(link_of(world, a, b));
}

void Network::heal_all() { world_of("heal_all").links.heal_all(); }

void Network::calm() {
    World& world = world_of("calm");
    world.calm();
}

std::size_t Network::reset(std::string_view a, std::string_view b) {
    World& world = world_of("reset");
    const Host first = parse_host(a);
    return world.reset_streams(first, parse_host(b));
}

void Network::limit_descriptors(std::size_t most) {
    world_of("limit_descriptors").descriptors.limit(most);
}

std::size_t Network::open_descriptors() {
    return world_of("open_descriptors").descriptors.open();
}

}  // namespace testing
}  // namespace v0
}  // namespace coir
