// SPDX-License-Identifier: BSL-1.0
// See node.hpp.
#include "node.hpp"

#include "world.hpp"

#include <fcntl.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

std::size_t total_size(Pieces pieces) noexcept {
    std::size_t size = 0;
    for (const iovec& piece : pieces) size += piece.iov_len;
    return size;
}

Node::Node(World& world) : world_(world), access_(O_RDWR), id_(world.next_node()) {}

void Node::describe(struct stat& status) const noexcept {
    status = {};
    status.st_mode = mode() | 0600;
    status.st_ino = id();
    status.st_nlink = 1;
}

void Node::changed(unsigned events) noexcept {
    for (Watch* watch : watches_) watch->on_change(events);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
