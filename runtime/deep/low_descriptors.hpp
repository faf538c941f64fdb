// SPDX-License-Identifier: BSL-1.0
// The lowest numbers of descriptors are for the program: shells name them, and select() knows no
// others.
#pragma once

#include <bitset>

namespace coir_deep {

/// As long as it lives, the free ones of the lowest numbers are taken, so that what is opened
/// meanwhile gets higher ones. Best effort: without room it does less.
class LowDescriptorsTaken {
public:
    LowDescriptorsTaken() noexcept;
    LowDescriptorsTaken(const LowDescriptorsTaken&) = delete;
    LowDescriptorsTaken& operator=(const LowDescriptorsTaken&) = delete;
    ~LowDescriptorsTaken();

private:
    static constexpr int count = 256;  // shells keep their own just below
    std::bitset<count> taken_;
};

}  // namespace coir_deep
