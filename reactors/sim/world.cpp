// SPDX-License-Identifier: BSL-1.0
// See world.hpp.
#include "world.hpp"

#include <new>

#include "stream_socket.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constinit thread_local World* world_here = nullptr;

}  // namespace

World* current_world() noexcept { return world_here; }
void set_current_world(World* world) noexcept { world_here = world; }

World::World(const testing::SimOptions& options)
    : seed(options.seed), most_turns(options.most_turns),
      faults(options.faults ? *options.faults : testing::SimFaults::drawn(options.seed)),
      first_faults(faults), trace(*this, options.trace), choices(options, trace),
      order(options.order, options.seed), random(options.seed ^ 0x726e64u),
      machine(options.seed ^ 0x6d616368u), reactor_(options.reactor) {}

testing::SimReactor World::draw_reactor() noexcept {
    testing::SimReactor reactor = machine.below(2) == 0 ? testing::SimReactor::readiness
                                                        : testing::SimReactor::io_uring;
    if (reactor_ != testing::SimReactor::drawn) reactor = reactor_;
    if (first_reactor_ == testing::SimReactor::drawn) first_reactor_ = reactor;
    return reactor;
}

// What is under way refers to the rest.
World::~World() {
    faults = {};
    descriptors.close_all();
    passing.drop_all();
    events.clear();
}

void World::calm() {
    faults = {};
    links.calm();
}

void World::error_reported(const char* text) noexcept {
    trace.say(std::string("reported: ") + text);
    if (reported_errors++ > 0) return;
    try {
        first_report = text;
    } catch (const std::bad_alloc&) {
        // Counted all the same.
    }
}

void World::add_stream(std::shared_ptr<StreamSocket> stream) {
    if (streams_.size() >= prune_streams_at_) {
        std::erase_if(streams_, [](const auto& old) { return old.expired(); });
        prune_streams_at_ = std::max<std::size_t>(64, 2 * streams_.size());
    }
    streams_.push_back(std::move(stream));
}

std::size_t World::reset_streams(const Host& a, const Host& b) {
    std::size_t count = 0;
    for (const std::weak_ptr<StreamSocket>& entry : streams_) {
        const auto stream = entry.lock();
        if (!stream || !stream->is_connected() || !stream->is_between(a, b)) continue;
        stream->reset_both();
        ++count;
    }
    return count;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
