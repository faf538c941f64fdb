// SPDX-License-Identifier: BSL-1.0
// What a completion-shaped reactor of the world has been handed and has not completed: the oracle of
// its buffers and of its descriptors.
#pragma once

#include "buffer_guard.hpp"
#include "world.hpp"

#include <coir/reactor.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class InFlight {
public:
    explicit InFlight(World& world) : world_(world) {}

    /// The operation was submitted; its token is in reactor_data.
    void add(const Operation& operation);
    /// It has completed. Both die when its memory is not as it was left.
    void remove(std::uint64_t token);
    /// The kernel works on it.
    void open(std::uint64_t token);
    void close(std::uint64_t token);
    /// The kernel takes a request for it, on `node`: dies when another one was meant.
    void check_descriptor(std::uint64_t token, const Node* node) const;

private:
    struct Entry {
        std::uint64_t token = 0;
        std::uint64_t node = 0;
        OpCode code = OpCode::nop;
        int fd = -1;
        bool kernel_writes = false;
        std::vector<iovec> pieces;
        BufferGuard guard;
    };
    Entry* find(std::uint64_t token) const noexcept;
    [[noreturn]] void die(const Entry& entry, const char* what) const noexcept;

    World& world_;
    std::vector<std::unique_ptr<Entry>> entries_;  // by the token's lower half
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
