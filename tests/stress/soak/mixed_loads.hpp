// SPDX-License-Identifier: BSL-1.0
// The loads of the mixed run. Each checks what it gets, and throws Failure when that is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace coir_soak {

class Load {
public:
    Load() = default;
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;
    virtual ~Load() = default;

    virtual const char* name() const = 0;
    /// How many tasks do steps.
    virtual int workers() const = 0;
    /// A piece of work that leaves nothing behind.
    virtual void step() = 0;

    std::uint64_t steps = 0;
};

/// Of each kind one. In a loop.
std::vector<std::unique_ptr<Load>> make_loads();

}  // namespace coir_soak
