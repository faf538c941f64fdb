// SPDX-License-Identifier: BSL-1.0
// The system as the plain code of a simulated thread blocks through it: futexes, yielding and waiting
// for one of the world's descriptors are the world's, everything else goes to the kernel.
#pragma once

#include <coir/detail/sys.hpp>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class World;

class ThreadSys final : public Sys {
public:
    explicit ThreadSys(World& world) : world_(world) {}
    TimePoint now() noexcept override;
    bool is_closed_world() const noexcept override { return true; }
    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override;

private:
    World& world_;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
