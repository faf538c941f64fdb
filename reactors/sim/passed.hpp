// SPDX-License-Identifier: BSL-1.0
// Descriptors that travel in a message of a Unix socket (SCM_RIGHTS).
#pragma once

#include "node.hpp"

#include <memory>
#include <vector>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

/// What one message carries. Its nodes stay open as long as it lives: until it is received, or
/// thrown away with the socket that it lies in.
class Passed {
public:
    explicit Passed(std::vector<std::shared_ptr<Node>> nodes);
    Passed(const Passed&) = delete;
    Passed& operator=(const Passed&) = delete;
    ~Passed() { drop(); }

    const std::vector<std::shared_ptr<Node>>& nodes() const noexcept { return nodes_; }
    /// Nobody will receive it.
    void drop() noexcept;

private:
    std::vector<std::shared_ptr<Node>> nodes_;
};

/// All that are under way. A socket that lies in its own queue keeps itself alive, until the world's
/// end drops it here.
class Passing {
public:
    explicit Passing(World& world) : world_(world) {}

    /// Whether the control data of a message that is sent is descriptors only.
    static bool is_simulated(const msghdr& header) noexcept;
    /// -> what the message carries, null for nothing. On failure null, and `error` is -EBADF, ...
    std::shared_ptr<Passed> collect(const msghdr& header, long& error);
    /// Makes descriptors of what has come, as far as there is room and numbers are left; sets the
    /// control data's length and the flags. `passed` may be null.
    void deliver(const Passed* passed, msghdr& header, bool close_on_exec);
    void drop_all() noexcept;

private:
    World& world_;
    std::vector<std::weak_ptr<Passed>> under_way_;
    std::size_t prune_at_ = 64;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
