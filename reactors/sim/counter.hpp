// SPDX-License-Identifier: BSL-1.0
// An eventfd.
#pragma once

#include "node.hpp"

#include <cstring>

#include <poll.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class Counter final : public Node {
public:
    Counter(World& world, std::uint64_t value, bool one_at_a_time)
        : Node(world), value_(value), one_at_a_time_(one_at_a_time) {}

    unsigned mode() const noexcept override { return 0; }
    unsigned events() const noexcept override {
        return (value_ > 0 ? unsigned{POLLIN | POLLRDNORM} : 0u) |
               (value_ < most ? unsigned{POLLOUT | POLLWRNORM} : 0u);
    }
    long read(Pieces into) override {
        if (into.empty() || into[0].iov_len < sizeof value_) return -EINVAL;
        if (value_ == 0) return -EAGAIN;
        const std::uint64_t taken = one_at_a_time_ ? 1 : value_;
        value_ -= taken;
        std::memcpy(into[0].iov_base, &taken, sizeof taken);
        changed(POLLOUT);
        return sizeof taken;
    }
    long write(Pieces from) override {
        std::uint64_t added = 0;
        if (from.empty() || from[0].iov_len < sizeof added) return -EINVAL;
        std::memcpy(&added, from[0].iov_base, sizeof added);
        if (added > most) return -EINVAL;
        if (added > most - value_) return -EAGAIN;
        value_ += added;
        changed(POLLIN);
        return sizeof added;
    }

private:
    static constexpr std::uint64_t most = ~std::uint64_t{0} - 1;
    std::uint64_t value_;
    const bool one_at_a_time_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
