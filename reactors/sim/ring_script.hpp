// SPDX-License-Identifier: BSL-1.0
// The kernel's half of an io_uring as a test writes it down: for the one exact order of completions that
// no seed needs to find.
#pragma once

#include "../io_uring_abi.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class KernelRing;

/// World::ring_script. It answers by KernelRing::post(), at once or later, as often as it likes: nothing
/// checks that a kernel could do so.
class RingScript {
public:
    RingScript() = default;
    RingScript(const RingScript&) = delete;
    RingScript& operator=(const RingScript&) = delete;
    /// The ring has taken a request. True: it is the script's; false: the world makes it.
    virtual bool takes(KernelRing& ring, const io_uring_sqe& request) = 0;
    /// The ring is entered. An error (-EBADR, ...) is all that the call then does and says; 0: it works.
    virtual long enters() { return 0; }

protected:
    ~RingScript() = default;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
